#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"

namespace gridlight::test {

using namespace std::chrono_literals;

inline std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

/// Substations kept from a table in another database, by the real binary.
struct mirror {
  temp_db db, other;
  temp_folder folder;
  std::string config = (folder.path() / "gridlight.yaml").string();
  std::string fill_table = "stations";

  explicit mirror(const std::string& keys = "schedule: 1s") {
    other.run(
        "CREATE TABLE stations (substation_id text, substation_name text, latitude float8, longitude float8, "
        "capacity_mva float8, voltage_level text, commissioned_date date, operational_status text)");
    std::ofstream{config}
        << "sync:\n  tables:\n    substations: {mode: mirrored, source: public.stations, connection: " +
               in_quotes(other.uri()) + ", " + keys + "}\n";
    CHECK(gridlight("migrate").status == 0);
  }
  command_outcome gridlight(const std::string& arguments) const {
    return run_gridlight("--config " + config + " --database-url " + in_shell(db.uri()) + " " + arguments +
                         " 2>&1");
  }
  static std::string in_shell(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
      out += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return out + "'";
  }
  server_process::options serving() const {
    return {{{"GRIDLIGHT_DATABASE_URL", db.uri()}, {"GRIDLIGHT_CONFIG", config}}, {}, {}};
  }
  /// Rows whose every value depends on `generation`.
  void fill(int rows, int generation) const {
    other.run("BEGIN; TRUNCATE " + fill_table + "; INSERT INTO " + fill_table + " SELECT 'S' || n, 'g" +
              std::to_string(generation) +
              "', 29, -95, n, 'x', '2001-02-03', 'ACTIVE' FROM generate_series(1, " + std::to_string(rows) +
              ") n; COMMIT");
  }
  std::string served() const {
    return db.value(
        "SELECT count(*) || coalesce(string_agg(DISTINCT substation_name, ','), '') FROM substations");
  }
  bool wait_for(const std::string& what, std::chrono::milliseconds timeout = 10s) const {
    for (const auto end = std::chrono::steady_clock::now() + timeout; std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(20ms))
      if (served() == what) return true;
    return false;
  }
  /// No run of an earlier lease did anything once one of a later lease had begun.
  std::string overlaps() const {
    return db.value(
        "SELECT count(*) FROM gridlight.sync_run a JOIN gridlight.sync_run b ON a.fencing_token < "
        "b.fencing_token AND a.status = 'success' AND a.finished_at > b.started_at");
  }
};

inline pid_t start_run(const mirror& m) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const int nothing = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd)
    ::dup2(nothing, fd);
  ::execl(std::getenv("GRIDLIGHT_BINARY"), "gridlight", "--config", m.config.c_str(), "--database-url",
          m.db.uri().c_str(), "sync", "run", "substations", nullptr);
  ::_exit(127);
}

}  // namespace gridlight::test
