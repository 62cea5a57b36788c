#include "sync/check.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>

#include "server/postgres/blocking.hpp"
#include "server/schema_version.hpp"
#include "sync/check_layers.hpp"
#include "sync/command.hpp"
#include "sync/migrate.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr int oldest_server = 150000;
constexpr std::chrono::seconds catalog_time{30};

awaitable<result<void>> read_server(connection& db, check_report& to) {
  const auto rows = co_await db.execute(
      "SELECT current_setting('server_version'), current_database(), current_user, pg_is_in_recovery(),"
      " coalesce((SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'postgis'), ''),"
      " coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'unix socket')",
      deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  const auto text = [&](int column) { return std::string{rows->text(0, column)}; };
  const bool standby = text(3) == "t", postgis = !text(4).empty();
  to.database = {{"PostgreSQL", text(0)}, {"PostGIS", postgis ? text(4) : "missing"},
                 {"database", text(1)},   {"role", text(2)},
                 {"server", text(5)},     {"state", standby ? "standby, read-only" : "primary"}};
  if (db.server_version() < oldest_server)
    to.problems.push_back({"", fmt::format("PostgreSQL {} is older than 15", text(0)), "upgrade the server"});
  if (!postgis)
    to.problems.push_back({"", "PostGIS is not installed in this database",
                           "-- as a superuser, in this database, once its package is on the server:\n"
                           "CREATE EXTENSION postgis;"});
  co_return result<void>{};
}

// What others do is told to members of pg_read_all_stats alone.
awaitable<result<void>> read_sessions(connection& db, check_report& to) {
  const auto rows = co_await db.execute(
      "SELECT count(*), current_setting('max_connections'), pg_has_role(current_user, 'pg_read_all_stats', "
      "'USAGE'),"
      " coalesce(round(extract(epoch FROM max(now() - xact_start) FILTER (WHERE pid <> pg_backend_pid())), "
      "1), 0),"
      " count(*) FILTER (WHERE state LIKE 'idle in transaction%')"
      " FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL",
      deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  const bool told = rows->text(0, 2) == "t";
  const auto known = [&](int column, std::string_view unit) {
    return told ? fmt::format("{}{}", rows->text(0, column), unit) : "unknown (needs pg_read_all_stats)";
  };
  to.database.emplace_back("connections", fmt::format("{} of {}", rows->text(0, 0), rows->text(0, 1)));
  to.database.emplace_back("longest transaction", known(3, " s"));
  to.database.emplace_back("idle in transaction", known(4, ""));
  co_return result<void>{};
}

awaitable<result<void>> read_settings(connection& db, check_report& to) {
  const auto rows = co_await db.execute(
      "SELECT s.name, current_setting(s.name), s.source FROM unnest(ARRAY['statement_timeout',"
      " 'idle_in_transaction_session_timeout', 'lock_timeout', 'application_name', 'search_path', 'TimeZone',"
      " 'tcp_keepalives_idle', 'tcp_user_timeout', 'default_transaction_isolation', "
      "'default_transaction_read_only',"
      " 'jit', 'work_mem', 'shared_buffers', 'effective_cache_size', 'random_page_cost', 'max_connections',"
      " 'max_parallel_workers_per_gather', 'plan_cache_mode', 'synchronous_commit']) WITH ORDINALITY AS "
      "w(name, n)"
      " JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(w.name) ORDER BY w.n",
      deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  for (int r = 0; r < rows->rows(); ++r)
    to.settings.emplace_back(rows->text(r, 0), fmt::format("{}  ({})", rows->text(r, 1), rows->text(r, 2)));
  co_return result<void>{};
}

postgres::connect_options served_connection(const config& settings) {
  postgres::connect_options out;
  out.uri = settings.postgres.uri;
  out.application_name = "gridlight check";
  out.connect_timeout = settings.postgres.connect_timeout;
  out.statement_timeout = settings.postgres.statement_timeout;
  out.idle_in_transaction_timeout = settings.postgres.idle_in_transaction_timeout;
  out.lock_timeout = settings.postgres.lock_timeout;
  out.pooled = settings.postgres.pooled;
  return out;
}

void judge_limits(const connection& db, const config& settings, check_report& to) {
  const postgres::connect_options wanted = served_connection(settings);
  const std::string what = postgres::difference(wanted, db.limits());
  if (what.empty()) return;
  const std::string role = connection::quote_identifier(to.database[3].second);
  const auto set = [&](std::string_view name, std::chrono::milliseconds value) {
    return fmt::format("ALTER ROLE {} SET {} = '{}ms';", role, name, value.count());
  };
  to.notes.push_back(
      {"", what,
       wanted.pooled ? set("statement_timeout", wanted.statement_timeout) + "\n" +
                           set("idle_in_transaction_session_timeout", wanted.idle_in_transaction_timeout) +
                           "\n" + set("lock_timeout", wanted.lock_timeout)
                     : "take them out of the connection's options (PGOPTIONS, options in the URI or service "
                       "file), or set postgres.* to the same"});
}

struct migration_state {
  bool exists = false, readable = false;
  std::vector<applied_migration> applied;
};

awaitable<result<migration_state>> read_migrations(connection& db) {
  migration_state state;
  const auto there = co_await db.execute(
      "SELECT has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace"
      " WHERE s.nspname = 'gridlight' AND c.relname = 'schema_migration'",
      deadline_in(catalog_time));
  if (!there) co_return there.error();
  state.exists = there->rows() > 0;
  state.readable = state.exists && there->text(0, 0) == "t";
  if (!state.readable) co_return state;
  const auto rows = co_await db.execute(
      "SELECT version, checksum FROM gridlight.schema_migration ORDER BY version", deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  for (int r = 0; r < rows->rows(); ++r) {
    const auto version = rows->text(r, 0);
    applied_migration& one = state.applied.emplace_back();
    std::from_chars(version.data(), version.data() + version.size(), one.version);
    one.checksum = rows->text(r, 1);
  }
  co_return state;
}

// Attached layers alone need no schema of ours; then its absence is only worth a note.
void judge_migrations(const migration_state& state, const config& settings, check_report& to) {
  const bool needed = std::any_of(settings.layers.begin(), settings.layers.end(),
                                  [](const layer_config& l) { return l.mode != layer_mode::attached; });
  const auto known = known_migrations();
  if (!state.exists) {
    to.schema = "not there";
    (needed ? to.problems : to.notes)
        .push_back({"", "the schema gridlight is not there",
                    "run gridlight migrate, or give a DBA what gridlight migrate --print-sql prints"});
    return;
  }
  if (!state.readable) {
    const std::string role = connection::quote_identifier(to.database[3].second);
    to.schema = "unknown (needs SELECT on gridlight.schema_migration)";
    to.problems.push_back(
        {"", "gridlight's own tables cannot be read",
         fmt::format("GRANT USAGE ON SCHEMA gridlight, gridlight_tiles TO {0};\n"
                     "GRANT SELECT ON ALL TABLES IN SCHEMA gridlight, gridlight_tiles TO {0};",
                     role)});
    return;
  }
  to.schema = fmt::format("{} of {} migrations applied", state.applied.size(), known.size());
  const auto next = next_migration(state.applied, known);
  // One version apart is served, while servers are replaced.
  const int found = state.applied.empty() ? 0 : state.applied.back().version;
  const schema_verdict schema = judge_schema(found, expected_schema_version());
  const bool whole = !state.applied.empty() && static_cast<std::size_t>(found) == state.applied.size();
  if (whole && schema.is == schema_verdict::kind::newer) {
    to.notes.push_back({"", schema.text, "upgrade this program"});
  } else if (next && whole && schema.is == schema_verdict::kind::older) {
    to.notes.push_back({"", schema.text,
                        "run gridlight migrate, or give a DBA what gridlight migrate "
                        "--print-sql prints"});
  } else if (!next) {
    to.problems.push_back(
        {"", next.error().detail, "use the gridlight that this database was migrated by, or a newer one"});
  } else if (next->has_value()) {
    to.problems.push_back({"", fmt::format("the schema is old: {} is not applied", (*next)->name),
                           "run gridlight migrate, or give a DBA what gridlight migrate --print-sql prints"});
  }
}

failure unreachable(const failure& cause, const secret& uri) {
  return {
      cause.code,
      fmt::format(
          "the database cannot be reached; tried {}\n"
          "  Is it running there, and is that what you meant? Set GRIDLIGHT_DATABASE_URL, postgres.uri in "
          "gridlight.yaml, or\n  libpq's PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD or PGSERVICE; "
          "./dev db start runs one of your own.\n ",
          connection_target(uri)),
      {},
      cause.log_detail.empty() ? cause.detail : cause.log_detail};
}

}  // namespace

awaitable<result<check_report>> check_database(connection& db, const config& settings) {
  check_report report;
  if (const auto read = co_await read_server(db, report); !read) co_return read.error();
  if (const auto read = co_await read_sessions(db, report); !read) co_return read.error();
  if (const auto read = co_await read_settings(db, report); !read) co_return read.error();
  judge_limits(db, settings, report);
  const auto migrations = co_await read_migrations(db);
  if (!migrations) co_return migrations.error();
  judge_migrations(*migrations, settings, report);
  if (const auto read = co_await check_layers(db, settings.layers, report); !read) co_return read.error();
  co_return report;
}

std::string connection_target(const secret& uri) {
  using options_ptr = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;
  const options_ptr given{PQconninfoParse(uri.reveal().c_str(), nullptr), PQconninfoFree};
  const options_ptr defaults{PQconndefaults(), PQconninfoFree};
  const auto value = [](const PQconninfoOption* all, std::string_view name) -> std::string {
    for (const PQconninfoOption* o = all; o != nullptr && o->keyword != nullptr; ++o)
      if (name == o->keyword && o->val != nullptr) return o->val;
    return {};
  };
  std::string out;
  for (const char* name : {"service", "host", "hostaddr", "port", "dbname", "user"}) {
    std::string found = value(given.get(), name);
    if (found.empty()) found = value(defaults.get(), name);
    if (!found.empty()) out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, found);
  }
  return out;
}

int run_check(const config& settings, const check_options& options) {
  const auto report =
      postgres::run_blocking([&](boost::asio::any_io_executor executor) -> awaitable<result<check_report>> {
        const postgres::connect_options connect = served_connection(settings);
        auto db = co_await connection::open(executor, connect, deadline_in(connect.connect_timeout));
        if (!db) co_return unreachable(db.error(), connect.uri);
        co_return co_await check_database(*db, settings);
      });
  if (!report) {
    print_failure("check", report.error());
    if (options.json) {
      check_report none;
      none.problems.push_back({"", report.error().detail, "make the database reachable"});
      std::cout << as_json(none);
    }
    return exit_code::failed;
  }
  std::cout << (options.json ? as_json(*report) : as_text(*report));
  return report->ok() ? exit_code::ok : exit_code::failed;
}

}  // namespace gridlight::sync
