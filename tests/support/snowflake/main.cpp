#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/snowflake/emulator.hpp"
#include "tests/support/snowflake/storm.hpp"

using namespace gridlight::test::snowflake;

namespace {

struct options {
  settings how;
  std::string folder = ".", database = "GRIDLIGHT", schema = "PUBLIC";
  std::uint16_t port = 0;
  double scale = 0.01, rate = 0;
  std::int64_t seed = 1;
  bool tables = false;
};

// For `gridlight --config`: the built-in tables are kept from here, sooner than they would be from an
// account.
std::filesystem::path write_config(const options& o, const emulator& snow) {
  const std::filesystem::path out = snow.files().key.parent_path() / "gridlight.yaml";
  std::ofstream file{out};
  file << fmt::format(R"(# Written by snowflake-emulator, which keeps it true while it runs.
sync:
  snowflake:
    account: {}
    host: 127.0.0.1
    port: {}
    ca_file: "{}"
    user: {}
    private_key_file: "{}"
    warehouse: {}
    role: {}
    database: {}
    schema: {}
  tables:
    topology: {{schedule: 10s}}
    outages: {{schedule: 10s}}
    circuits: {{schedule: 10s}}
    work_orders: {{schedule: 30s}}
)",
                      o.how.account, snow.port(), snow.files().certificate.string(), o.how.user,
                      snow.files().key.string(), *o.how.warehouses.begin(), *o.how.roles.begin(), o.database,
                      o.schema);
  file.close();
  if (!file) throw std::runtime_error{out.string() + " cannot be written"};
  return out;
}

void tell(const options& o, const emulator& snow) {
  const std::vector<std::pair<std::string, std::string>> all{
      {"url", snow.url()},
      {"host", "127.0.0.1"},
      {"port", std::to_string(snow.port())},
      {"certificate", snow.files().certificate.string()},
      {"key", snow.files().key.string()},
      {"account", o.how.account},
      {"user", o.how.user},
      {"warehouse", *o.how.warehouses.begin()},
      {"role", *o.how.roles.begin()},
      {"database", o.database},
      {"schema", o.schema},
      {"config", write_config(o, snow).string()}};
  for (const auto& [name, value] : all)
    std::printf("%-11s %s\n", name.c_str(), value.c_str());
  std::puts("ready");
  std::fflush(stdout);
}

// Until SIGINT or SIGTERM.
void weather(const options& o, const sigset_t& signals) {
  const double r = o.rate;
  std::optional<storm> now;
  if (r > 0)
    now.emplace(o.how.database, o.database, o.schema, static_cast<std::uint64_t>(o.seed),
                storm_rates{20 * r, 0.5 * r, 0.6 * r, 0.3 * r, 0.3 * r});
  constexpr timespec second{1, 0};
  while (sigtimedwait(&signals, nullptr, &second) < 0)
    if (now) now->step(1);
}

int run(const options& o) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  emulator snow{o.how, std::filesystem::absolute(o.folder), o.port};
  snow.create_schema(o.database, o.schema);
  if (o.tables) make_source_tables(o.how.database, o.database, o.schema, o.scale, o.seed);
  tell(o, snow);
  weather(o, signals);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Snowflake's SQL API on a Postgres database, for tests and demos"};
  app.add_option("--database-url", o.how.database, "Postgres database that holds the account")->required();
  app.add_option("--folder", o.folder, "where certificate, key and a gridlight.yaml are written")
      ->capture_default_str();
  app.add_option("--port", o.port, "on 127.0.0.1; 0: any")->capture_default_str();
  app.add_option("--database", o.database, "emulated database")->capture_default_str();
  app.add_option("--schema", o.schema, "emulated schema")->capture_default_str();
  app.add_flag("--tables", o.tables, "make the source tables of the demo's layers, replacing them");
  app.add_option("--scale", o.scale, "of the demo")->capture_default_str();
  app.add_option("--seed", o.seed, "of the demo and the storm")->capture_default_str();
  app.add_option("--storm", o.rate, "how hard it blows: 1 changes some 20 rows a second")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(o);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "snowflake-emulator: %s\n", e.what());
    return 1;
  }
}
