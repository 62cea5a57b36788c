// The composition root: parses the command line, builds the objects and runs them.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "api/print_sql.hpp"
#include "api/tiles_warm.hpp"
#include "describe.hpp"
#include "serve.hpp"
#include "server/config.hpp"
#include "server/config_values.hpp"
#include "server/http/health_command.hpp"
#include "server/identity/token_command.hpp"
#include "server/log.hpp"
#include "server/postgres/offload.hpp"
#include "sync/check.hpp"
#include "sync/demo/demo_data.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/load/load.hpp"
#include "sync/migrate.hpp"
#include "sync/sync_command.hpp"

using namespace gridlight;

extern char** environ;

namespace {

constexpr int exit_usage = 2;

/// Flags that every subcommand has.
struct common_flags {
  std::string config_file, database_url;
  std::vector<std::string> settings;  // "dotted.key=value"
  std::map<std::string, std::string> named;
};

// Of a program that was installed as PREFIX/bin/gridlight: PREFIX/etc/gridlight/gridlight.yaml, of /usr
// /etc/…. Empty when there is none, or another gridlight.yaml in the working folder goes before it.
std::filesystem::path installed_config() {
  std::error_code ec;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
  if (ec || program.parent_path().filename() != "bin" || std::filesystem::exists("gridlight.yaml", ec))
    return {};
  const auto prefix = program.parent_path().parent_path();
  const auto file = (prefix == "/usr" ? std::filesystem::path{"/"} : prefix) / "etc/gridlight/gridlight.yaml";
  return std::filesystem::exists(file, ec) ? file : std::filesystem::path{};
}

config_sources sources_of(const common_flags& flags) {
  config_sources sources{flags.config_file, {}, {}};
  if (sources.file.empty()) sources.file = installed_config();
  for (const auto& [key, value] : flags.named)
    if (!value.empty()) sources.flags.emplace(key, value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable{*entry};
    if (const auto equals = variable.find('='); equals != std::string_view::npos)
      sources.environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  for (const std::string& setting : flags.settings) {
    const auto equals = setting.find('=');
    sources.flags[setting.substr(0, equals)] = equals == std::string::npos ? "" : setting.substr(equals + 1);
  }
  if (!flags.database_url.empty()) sources.flags["postgres.uri"] = flags.database_url;
  return sources;
}

/// Loads the configuration, starts the log and runs a subcommand; its exit code.
template <class Command>
int with_config(const common_flags& flags, Command command) {
  const auto settings = load_config(sources_of(flags));
  if (!settings) {
    fmt::print(stderr, "gridlight: {}\n", settings.error().detail);
    return exit_usage;
  }
  log::start(settings->log);
  return command(*settings);
}

// exit() would pull OpenSSL from under a thread that still connects or cancels, for nobody any more.
void leave_if_busy(int code) {
  if (!postgres::chores_running()) return;
  spdlog::default_logger()->flush();
  std::fflush(nullptr);
  std::_Exit(code);
}

void add_load_flags(CLI::App& command, sync::load_options& load) {
  command
      .add_option("files", load.files,
                  "files (.csv, .geojson, .geojsonl; also gzip), folders, or - for standard input")
      ->required();
  command.add_option("--layer", load.layer,
                     "target layer (default: the one whose table has the file's name)");
  command.add_flag("--create", load.create,
                   "make a new layer of the file and print its entry for the catalog");
  command
      .add_option_function<std::vector<std::string>>(
          "--map",
          [&load](const std::vector<std::string>& pairs) {
            for (const std::string& pair : pairs) {
              const auto equals = pair.find('=');
              if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
                throw CLI::ValidationError{"--map", pair + " is not TARGET=SOURCE"};
              load.map.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            }
          },
          "TARGET=SOURCE: fill a column from a source column of another name")
      ->expected(1)
      ->take_all();
  command.add_flag("--ignore-extra", load.ignore_extra,
                   "leave out source columns that the table does not have");
  command.add_option("--max-errors", load.max_errors, "bad rows to leave out; one more and nothing changes")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command
      .add_option("--duplicates", load.duplicates,
                  "of rows with one key: reject (bad rows) or last (keep the last)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, sync::duplicate_rule>{
          {"reject", sync::duplicate_rule::reject}, {"last", sync::duplicate_rule::last}}));
  command.add_flag("--yes", load.yes, "replace the layer's rows without asking; needed without a terminal");
  command.add_flag("--allow-shrink", load.allow_shrink, "replace rows even by less than 80 % as many");
  command.add_option("--timezone", load.timezone, "of times without a zone: UTC or +HH:MM");
}

void add_warm_flags(CLI::App& command, api::warm_options& warm, int& code) {
  command.add_option("--layers", warm.layers, "names joined by commas, as in the URL of the tiles")
      ->required();
  command.add_option("--zoom", warm.zooms, "one, or a range such as 0-14");
  command.add_option("--bbox", warm.bbox, "min_lon,min_lat,max_lon,max_lat; default: where the layers are");
  command.add_option("--properties", warm.properties, "as in the URL of the tiles");
  command.add_option("--url", warm.url, "of the server, http:// or https:// with its base path");
  command.add_option("--token", warm.token, "for a server that wants one")->envname("GRIDLIGHT_TOKEN");
  command.add_option("--connections", warm.connections, "that ask at the same time")
      ->check(CLI::Range(1, 64));
  command.add_option("--timeout", warm.timeout, "seconds that an answer may take")
      ->check(CLI::Range(1, 3600));
  command.add_flag("--yes", warm.yes, "more than 100,000 tiles without asking");
  command.callback([&] { code = api::run_tiles_warm(warm); });
}

void add_sync_commands(CLI::App& app, const common_flags& flags, int& code) {
  auto* group = app.add_subcommand("sync", "keep tables fresh from Snowflake or another Postgres");
  group->require_subcommand(1);
  const auto options = std::make_shared<sync::sync_run_options>();
  const auto wait = std::make_shared<std::string>();
  auto* run = group->add_subcommand("run", "run a table now; serve does so by schedule");
  run->add_option("table", options->table, "under sync.tables, or a layer");
  run->add_flag("--all", options->all, "all tables");
  run->add_flag("--full", options->full, "read all rows, whatever the mode");
  run->add_flag("--dry-run", options->dry_run, "read and compare, change nothing");
  run->add_flag("--allow-shrink", options->allow_shrink, "even when far fewer rows are left");
  run->add_flag("--yes", options->yes, "with --all --full: do not ask; needed without a terminal");
  run->add_option("--wait", *wait, "where another has the lease: for the run to begin (default: 1h)")
      ->check([](const std::string& text) {
        return config_detail::read_duration(text) ? std::string{} : "must be a time such as 30s, 10m or 1h";
      });
  run->callback([&flags, &code, options, wait] {
    if (!wait->empty()) options->wait = *config_detail::read_duration(*wait);
    code = with_config(flags, [&](const config& c) { return sync::run_sync(c, *options); });
  });
  const auto table = std::make_shared<std::string>();
  auto* explain =
      group->add_subcommand("explain", "say what a run would read and change, and what runs cost");
  explain->add_option("table", *table, "under sync.tables, or a layer")->required();
  explain->callback([&flags, &code, table] {
    code = with_config(flags, [&](const config& c) { return sync::run_sync_explain(c, *table); });
  });
  auto* validate = group->add_subcommand("validate", "compare rows and checksums with the source");
  validate->add_option("table", *table, "under sync.tables, or a layer (default: all)");
  validate->callback([&flags, &code, table] {
    code = with_config(flags, [&](const config& c) { return sync::run_sync_validate(c, *table); });
  });
  const auto found = std::make_shared<sync::discover_options>();
  auto* discover =
      group->add_subcommand("discover", "print YAML and DDL for tables of Snowflake, change nothing");
  discover->add_option("--source", found->source, "a table or view (default: all of the schema)");
  discover->callback([&flags, &code, found] {
    code = with_config(flags, [&](const config& c) { return sync::run_sync_discover(c, *found); });
  });
  const auto back = std::make_shared<sync::rollback_options>();
  auto* rollback = app.add_subcommand("rollback", "put a layer's table from before its last swap back");
  rollback->add_option("layer", back->layer, "a layer that sync.tables keeps")->required();
  rollback->add_flag("--yes", back->yes, "do not ask; needed without a terminal");
  rollback->callback([&flags, &code, back] {
    code = with_config(flags, [&](const config& c) { return sync::run_rollback(c, *back); });
  });
}

void add_health_command(CLI::App& app, const common_flags& flags, int& code) {
  auto* command =
      app.add_subcommand("health", "ask a running server once whether it lives; exit code 0: it does");
  const auto options = std::make_shared<http::health_options>();
  command->add_option("url", options->url,
                      "of the server (default: that of this configuration, on this machine)");
  command->add_flag("--ready", options->ready, "ask /ready, whether it can answer, in place of /live");
  command->add_option("--timeout", options->timeout_s, "seconds to wait for the answer")
      ->check(CLI::Range(0.1, 600.0));
  command->callback([&flags, &code, options] {
    if (!options->url.empty()) {
      code = http::run_health(options->url, *options);
      return;
    }
    code = with_config(flags, [&](const config& c) {
      const auto url = http::own_url(c);
      if (url) return http::run_health(*url, *options);
      fmt::print(stderr, "gridlight health: {}\n", url.error().detail);
      return exit_usage;
    });
  });
}

// For those who build the package; not in the help.
void add_describe_command(CLI::App& app, const common_flags& flags, int& code) {
  auto* command = app.add_subcommand("describe", "print what the program knows of itself")->group("");
  const auto what = std::make_shared<std::string>();
  command->add_option("what", *what, "")
      ->required()
      ->check(CLI::IsMember({"completion", "commands", "settings", "layers"}));
  command->callback([&app, &flags, &code, what] {
    if (*what == "layers") {
      code = with_config(flags, [](const config& c) { return fmt::print("{}", describe_layers(c)), 0; });
      return;
    }
    fmt::print("{}", *what == "completion" ? describe_completion(app)
                     : *what == "commands" ? describe_commands(app)
                                           : describe_settings());
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"gridlight: spatial queries over power-grid maps, from PostGIS"};
  app.set_version_flag("--version", GRIDLIGHT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  common_flags flags;
  app.add_option(
         "--config", flags.config_file,
         "configuration file (default: ./gridlight.yaml, else that of the installation, else the built-in)")
      ->envname("GRIDLIGHT_CONFIG");
  app.add_option("--database-url", flags.database_url,
                 "PostgreSQL URI (default: postgres.uri, or libpq's PG*)");
  app.add_option("--set", flags.settings, "KEY=VALUE: set any key of the configuration");
  int code = 0;

  auto* serve_command = app.add_subcommand("serve", "answer requests until SIGTERM or Ctrl-C");
  serve_command->add_option("--port", flags.named["http.port"], "port to listen on; 0: any free one");
  serve_command->add_option("--address", flags.named["http.address"], "address to listen on");
  serve_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return serve(c, sources_of(flags)); }); });

  sync::migrate_options migrate;
  auto* migrate_command = app.add_subcommand("migrate", "bring the database's schema up to date");
  migrate_command->add_flag("--print-sql", migrate.print_sql, "print what a DBA must run, change nothing");
  migrate_command->add_option("--role", migrate.role,
                              "with --print-sql: grant what `serve` needs to this role");
  migrate_command->add_option("--to", migrate.to,
                              "stop at this version, one for example that servers still to be replaced know");
  migrate_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return sync::run_migrate(c, migrate); }); });

  sync::demo_options demo;
  auto* demo_command = app.add_subcommand("demo-data", "write a believable grid in greater Houston");
  demo_command->add_option("--scale", demo.scale, "1: the sizes of production")
      ->check(CLI::Range(0.001, 1.0));
  demo_command->add_option("--seed", demo.seed, "same seed, same bytes");
  demo_command->add_flag("--yes", demo.yes,
                         "replace an earlier demo without asking; needed without a terminal");
  demo_command->add_flag("--overwrite", demo.overwrite, "replace rows that this command did not write, too");
  demo_command->add_flag("--if-empty", demo.if_empty, "do nothing where any layer has rows");
  demo_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return sync::run_demo_data(c, demo); }); });

  sync::load_options load;
  auto* load_command = app.add_subcommand("load", "load CSV or GeoJSON files into layers, or into a new one");
  add_load_flags(*load_command, load);
  load_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return sync::run_load(c, load); }); });

  add_sync_commands(app, flags, code);

  auto* tiles_command = app.add_subcommand("tiles", "tiles and the tables they are read from");
  tiles_command->require_subcommand(1);
  sync::tiles_build_options build;
  auto* build_command = tiles_command->add_subcommand(
      "build", "bring the generalised tables of low zooms up to date, as serve does by itself");
  build_command->add_option("layers", build.layers, "layers (default: all)");
  build_command->add_flag("--anew", build.anew, "make anew what is up to date, too");
  build_command->add_flag("--yes", build.yes, "with --anew: do not ask; needed without a terminal");
  build_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return sync::run_tiles_build(c, build); }); });
  api::warm_options warm;
  add_warm_flags(
      *tiles_command->add_subcommand("warm", "ask a running server for tiles, so that it keeps them"), warm,
      code);

  sync::check_options check;
  auto* check_command =
      app.add_subcommand("check", "look at the database and say what is wrong and what to do");
  check_command->add_flag("--json", check.json, "one JSON object");
  check_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return sync::run_check(c, check); }); });

  identity::token_options token;
  auto* token_command =
      app.add_subcommand("token", "print a new token (stderr) and its entry for auth.tokens_file (stdout)");
  token_command->add_option("name", token.name, "who shows it, for the log")->required();
  token_command->add_option("--scopes", token.scopes, "of read, write and personal; default: read")
      ->delimiter(',');
  token_command->add_option("--expires", token.expires, "a time such as 2027-01-31T00:00:00Z, or a date");
  token_command->add_flag("--priority", token.priority, "served first when many ask");
  token_command->callback([&] { code = identity::run_token(token); });

  auto* config_command =
      app.add_subcommand("config", "print the configuration in force and what each key means");
  config_command->callback([&] {
    code = with_config(flags, [](const config& c) {
      fmt::print("{}\n{}", config_reference(), dump(c));
      return 0;
    });
  });

  api::print_sql_options sql;
  auto* sql_command = app.add_subcommand("sql", "print the SQL that a lookup runs, for EXPLAIN");
  sql_command->add_option("layer", sql.layer, "a layer, or `substations`")->required();
  sql_command->add_option("lookup", sql.lookup,
                          "within, nearest, features, feature, intersects, status; all when left out");
  sql_command->callback(
      [&] { code = with_config(flags, [&](const config& c) { return api::run_print_sql(c, sql); }); });

  add_health_command(app, flags, code);
  add_describe_command(app, flags, code);

  CLI11_PARSE(app, argc, argv);
  leave_if_busy(code);
  return code;
}
