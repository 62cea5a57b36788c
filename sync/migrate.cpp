#include "sync/migrate.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <iostream>

#include "embedded/migrations.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;

// Any fixed number will do, as long as nothing else in the database uses it: "gridligh" in ASCII.
constexpr std::string_view take_lock = "SELECT pg_advisory_xact_lock(7454142971842717544)";

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

int to_int(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<migration> read_embedded() {
  std::vector<migration> all;
  for (const embedded::file& file : embedded::migrations)
    all.push_back({to_int(file.name), file.name, file.text, sha256(file.text)});
  return all;
}

std::string record(const migration& m) {
  return "INSERT INTO gridlight.schema_migration (version, checksum) VALUES (" + std::to_string(m.version) +
         ", " + postgres::connection::quote_literal(m.checksum) + ");\n";
}

awaitable<result<std::vector<applied_migration>>> read_applied(postgres::connection& db) {
  std::vector<applied_migration> applied;
  const auto there =
      co_await db.execute("SELECT to_regclass('gridlight.schema_migration') IS NOT NULL", command_deadline());
  if (!there) co_return there.error();
  if (there->text(0, 0) != "t") co_return applied;
  const auto rows = co_await db.execute(
      "SELECT version, checksum FROM gridlight.schema_migration ORDER BY version", command_deadline());
  if (!rows) co_return rows.error();
  for (int row = 0; row < rows->rows(); ++row)
    applied.push_back({to_int(rows->text(row, 0)), std::string{rows->text(row, 1)}});
  co_return applied;
}

awaitable<result<void>> ensure_postgis(postgres::connection& db) {
  const auto found =
      co_await db.execute("SELECT FROM pg_extension WHERE extname = 'postgis'", command_deadline());
  if (!found) co_return found.error();
  if (found->rows() == 1) co_return result<void>{};
  const auto made = co_await db.execute("CREATE EXTENSION postgis", command_deadline());
  if (made) co_return result<void>{};
  co_return failure{errc::conflict,
                    "PostGIS is missing in this database and could not be added; install its package on the "
                    "database server if need be, and have a superuser run there: CREATE EXTENSION postgis;",
                    {},
                    made.error().log_detail};
}

failure explain(const migration& m, const failure& cause) {
  std::string detail = std::string{m.name} + " failed and was rolled back";
  if (cause.log_detail.find("42501") != std::string::npos)
    detail +=
        "; where this role lacks the right, have a DBA run with psql what `gridlight migrate --print-sql` "
        "prints";
  return {cause.code, std::move(detail), {}, cause.log_detail.empty() ? cause.detail : cause.log_detail};
}

// One transaction: wait for whoever else migrates, look what is there, apply the next. Its name, or empty
// when done.
awaitable<result<std::string>> apply_next(postgres::connection& db, std::span<const migration> known) {
  const std::string begin =
      "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10min'; " + std::string{take_lock};
  if (const auto begun = co_await db.execute(begin, command_deadline()); !begun) co_return begun.error();

  const auto applied = co_await read_applied(db);
  if (!applied) co_return applied.error();
  const auto next = next_migration(*applied, known);
  if (!next) co_return next.error();
  if (!next->has_value()) {
    if (const auto ended = co_await db.execute("COMMIT", command_deadline()); !ended) co_return ended.error();
    co_return std::string{};
  }

  const migration& m = **next;
  if (const auto ready = co_await ensure_postgis(db); !ready) co_return ready.error();
  // Readers queue behind a waiting DDL lock: rather give up than make them wait.
  const std::string sql =
      "SET LOCAL lock_timeout = '3s';\n" + std::string{m.text} + "\n" + record(m) + "COMMIT;";
  if (const auto done = co_await db.execute(sql, command_deadline()); !done)
    co_return explain(m, done.error());
  co_return std::string{m.name};
}

std::string created_layer_tables(std::span<const migration> known) {
  constexpr std::string_view opening = "CREATE TABLE public.";
  std::string tables;
  for (const migration& m : known)
    for (auto at = m.text.find(opening); at != std::string_view::npos; at = m.text.find(opening, at + 1)) {
      const auto name = m.text.substr(at + opening.size());
      tables += (tables.empty() ? "public." : ", public.") + std::string{name.substr(0, name.find(' '))};
    }
  return tables;
}

std::string grants(std::string_view role, std::span<const migration> known) {
  const std::string to = " TO " + postgres::connection::quote_identifier(role) + ";\n";
  const std::string tables = created_layer_tables(known);
  return "-- What `gridlight serve` reads. Generalised tables come and go: of those that are made later, as "
         "this "
         "role, too.\n"
         "GRANT USAGE ON SCHEMA public, gridlight, gridlight_tiles" +
         to + "GRANT SELECT ON ALL TABLES IN SCHEMA gridlight, gridlight_tiles" + to +
         "ALTER DEFAULT PRIVILEGES IN SCHEMA gridlight_tiles GRANT SELECT ON TABLES" + to +
         "GRANT SELECT ON " + tables + to;
}

}  // namespace

std::span<const migration> known_migrations() {
  static const std::vector<migration> all = read_embedded();
  return all;
}

int expected_schema_version() {
  return known_migrations().empty() ? 0 : known_migrations().back().version;
}

result<std::optional<migration>> next_migration(std::span<const applied_migration> applied,
                                                std::span<const migration> known) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    const applied_migration& a = applied[i];
    if (i >= known.size() || a.version > known.back().version)
      return failure{errc::conflict, "the database has schema version " +
                                         std::to_string(applied.back().version) + ", this program knows " +
                                         std::to_string(known.size()) +
                                         ": it is older than the database; use the newer program"};
    const migration& k = known[i];
    if (a.version != k.version)
      return failure{errc::conflict, "gridlight.schema_migration lacks " + std::string{k.name} +
                                         ", but has version " + std::to_string(a.version) +
                                         ": restore that row or the database"};
    if (a.checksum != k.checksum)
      return failure{errc::conflict,
                     std::string{k.name} +
                         " was changed after it had been applied to this database (checksum " +
                         k.checksum.substr(0, 12) + ", applied " + a.checksum.substr(0, 12) +
                         "): a change of the schema needs a new file"};
  }
  if (applied.size() == known.size()) return std::optional<migration>{};
  return std::optional<migration>{known[applied.size()]};
}

awaitable<result<std::vector<std::string>>> apply_migrations(postgres::connection& db,
                                                             std::span<const migration> known) {
  std::vector<std::string> done;
  while (true) {
    auto name = co_await apply_next(db, known);
    if (!name) {
      if (!db.broken() && !db.idle()) co_await db.execute("ROLLBACK", command_deadline());
      co_return name.error();
    }
    if (name->empty()) co_return done;
    done.push_back(std::move(*name));
  }
}

std::string migration_script(std::string_view role, std::span<const migration> known) {
  std::string out =
      "-- The schema of gridlight, for psql, as a role that may create schemas, tables and the extension "
      "postgis.\n"
      "-- It applies what is missing, all in one transaction, and may be run again.\n"
      "\\set ON_ERROR_STOP on\nBEGIN;\n" +
      std::string{take_lock} + ";\n";
  for (const migration& m : known) {
    const std::string version = std::to_string(m.version);
    out += "\n-- " + std::string{m.name} + "\n";
    // Before the first there is no table to ask.
    out += m.version == 1
               ? "SELECT to_regclass('gridlight.schema_migration') IS NULL AS pending \\gset\n"
               : "SELECT NOT EXISTS (SELECT FROM gridlight.schema_migration WHERE version = " + version +
                     ") AS pending \\gset\n";
    out += "\\if :pending\n" + std::string{m.text} + "\n" + record(m) + "\\endif\n";
  }
  out += "\n";
  if (!role.empty()) out += grants(role, known);
  return out + "COMMIT;\n";
}

int run_migrate(const config& settings, const migrate_options& options) {
  auto known = known_migrations();
  if (options.to) {
    if (*options.to < 1 || *options.to > expected_schema_version()) {
      std::cerr << "gridlight migrate: --to is " << *options.to << "; it must be between 1 and "
                << expected_schema_version() << std::endl;
      return exit_code::usage;
    }
    known = known.first(static_cast<std::size_t>(*options.to));
  }
  if (!options.role.empty() && !options.print_sql) {
    std::cerr << "gridlight migrate: --role goes with --print-sql" << std::endl;
    return exit_code::usage;
  }
  if (options.print_sql) {
    std::cout << migration_script(options.role, known) << std::flush;
    return exit_code::ok;
  }
  const auto done = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) -> awaitable<result<std::vector<std::string>>> {
        auto db = co_await open_for_command(executor, settings.postgres, "migrate");
        if (!db) co_return db.error();
        co_return co_await apply_migrations(*db, known);
      });
  if (!done) {
    print_failure("migrate", done.error());
    return exit_code::failed;
  }
  for (const std::string& name : *done)
    std::cout << "applied " << name << "\n";
  std::cout << "schema version " << known.back().version << (done->empty() ? ", nothing to do" : "")
            << std::endl;
  return exit_code::ok;
}

}  // namespace gridlight::sync
