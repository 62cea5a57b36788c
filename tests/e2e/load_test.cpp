// `gridlight load` as a process: killed in its middle, and fed through standard input.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/temp_db.hpp"
#include "tests/sync/load_support.hpp"

using namespace gridlight;
using test::temp_db;
namespace fs = std::filesystem;

namespace {

constexpr int rows = 20'000;

// The command as a child; its standard input is a pipe from here, what it says goes to a file.
class load_process {
 public:
  load_process(const temp_db& db, const fs::path& folder, std::vector<std::string> arguments)
      : said_{folder / "said"} {
    std::signal(SIGPIPE, SIG_IGN);  // a child that died is no reason to die with it
    const char* binary = std::getenv("GRIDLIGHT_BINARY");
    if (binary == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
    std::vector<std::string> all{binary, "--database-url", db.uri(), "load"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& argument : all)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const int out = ::open(said_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(out >= 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(pipe[0], STDIN_FILENO);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::execv(binary, argv.data());
      ::_exit(127);
    }
    ::close(pipe[0]);
    ::close(out);
    input_ = pipe[1];
    REQUIRE(pid_ > 0);
  }
  ~load_process() {
    end_input();
    if (code_ == -1) kill();
  }
  load_process(const load_process&) = delete;
  load_process& operator=(const load_process&) = delete;

  void feed(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::write(input_, text.data(), text.size());
      if (n <= 0) return;  // it has ended: what it said tells why
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void end_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
  }
  bool ended() {
    int status = 0;
    if (code_ == -1 && ::waitpid(pid_, &status, WNOHANG) == pid_) take(status);
    return code_ != -1;
  }
  /// The exit code, or 128 + the signal.
  int wait() {
    end_input();
    int status = 0;
    if (code_ == -1 && ::waitpid(pid_, &status, 0) == pid_) take(status);
    return code_;
  }
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream{said_}.rdbuf();
    return text.str();
  }

 private:
  void take(int status) { code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }
  fs::path said_;
  pid_t pid_ = -1;
  int input_ = -1, code_ = -1;
};

// A session that stays open, to hold a lock.
class session {
 public:
  explicit session(const temp_db& db) : conn_{PQconnectdb(db.uri().c_str()), PQfinish} {}
  void run(const char* sql) const {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> r{PQexec(conn_.get(), sql), PQclear};
    const auto status = PQresultStatus(r.get());
    REQUIRE_MESSAGE((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK), PQerrorMessage(conn_.get()));
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> conn_;
};

bool soon(const std::function<bool()>& holds, std::chrono::seconds limit = std::chrono::seconds{20}) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

const std::string header = "substation_id,substation_name,latitude,longitude\n";

// One of two halves, or all, of a generation of rows.
std::string lines(std::string_view generation, int from, int to) {
  std::string out;
  for (int i = from; i < to; ++i)
    out.append("SUB-")
        .append(std::to_string(i))
        .append(",")
        .append(generation)
        .append(",29.")
        .append(std::to_string(1000 + i % 9000))
        .append(",-95.5\n");
  return out;
}
std::string whole(std::string_view generation) {
  return header + lines(generation, 0, rows);
}

// A database in which the layer holds all of generation "old".
struct loading {
  temp_db db;
  fs::path folder;

  loading() {
    std::string pattern = (fs::temp_directory_path() / "gridlight-load-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    const std::string migrate = "'" + std::string{std::getenv("GRIDLIGHT_BINARY")} + "' --database-url \"" +
                                db.uri() + "\" migrate >/dev/null 2>&1";
    REQUIRE(std::system(migrate.c_str()) == 0);
    load_whole("old");
  }
  ~loading() { fs::remove_all(folder); }
  loading(const loading&) = delete;
  loading& operator=(const loading&) = delete;

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream{folder / name, std::ios::binary} << text;
    return (folder / name).string();
  }
  void load_whole(std::string_view generation) const {
    load_process load{db, folder, {file("substations.csv", whole(generation)), "--yes"}};
    REQUIRE_MESSAGE(load.wait() == 0, load.said());
    CHECK(present() == std::string{generation} + " 20000");
  }
  load_process from_input(std::vector<std::string> more = {"--layer", "substations"}) const {
    more.insert(more.begin(), {"-", "--yes"});
    return load_process{db, folder, more};
  }

  /// Which generations the layer holds and how many rows: "old 20000".
  std::string present() const {
    return db.value("SELECT string_agg(DISTINCT substation_name, '+') || ' ' || count(*) FROM substations");
  }
  std::string tables_of_runs() const {
    return db.value(
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^gridlight_(new|old)_[0-9]+$'");
  }
  /// Postgres has noticed that the client is gone: its locks are free.
  bool session_gone(std::chrono::seconds limit = std::chrono::seconds{20}) const {
    return soon(
        [&] {
          return db.value(
                     "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                     "application_name = 'gridlight load'") == "0";
        },
        limit);
  }
  /// After a kill: all is as if the load had never been, and the next one works and clears away the rest.
  void check_recovery() const {
    CHECK(present() == "old 20000");
    load_whole("new");
    CHECK(tables_of_runs() == "0");
    CHECK(db.value("SELECT string_agg(status, ' ' ORDER BY run_id) FROM gridlight.sync_run") ==
          "success failed success");
    CHECK(db.value("SELECT error FROM gridlight.sync_run WHERE status = 'failed'") == "interrupted");
    CHECK(db.value("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = "
                   "'substations' AND schemaname = 'public' AND indexname LIKE 'substations%'") ==
          "substations_geog substations_geom substations_pkey");
  }
};

}  // namespace

TEST_CASE("killed while rows flow: the old table is whole, and the next load works") {
  const loading t;
  {
    load_process load = t.from_input();
    load.feed(header);
    load.feed(lines("new", 0, rows / 2));
    REQUIRE_MESSAGE(soon([&] {
                      return t.db.value(
                                 "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = "
                                 "current_database() AND tuples_processed > 0") == "1";
                    }),
                    load.said());
    CHECK(load.kill() == 128 + SIGKILL);
  }
  CHECK(t.session_gone());
  CHECK(t.tables_of_runs() == "0");  // it was never committed
  t.check_recovery();
}

TEST_CASE("killed between the staging table and the swap: the table left behind is in nobody's way") {
  const loading t;
  const session reader{t.db};
  reader.run("BEGIN; SELECT count(*) FROM substations");  // the swap cannot have its lock
  {
    load_process load{t.db, t.folder, {t.file("substations.csv", whole("new")), "--yes"}};
    REQUIRE_MESSAGE(soon([&] { return t.tables_of_runs() == "1"; }), load.said());
    std::this_thread::sleep_for(std::chrono::milliseconds{300});  // some tries of the swap
    REQUIRE_FALSE(load.ended());
    CHECK(load.kill() == 128 + SIGKILL);
  }
  reader.run("COMMIT");
  CHECK(t.session_gone());
  CHECK(t.tables_of_runs() == "1");
  t.check_recovery();
}

TEST_CASE("killed while Postgres builds an index: its session does not live on with the layer's lock") {
  const loading t;
  // An index that takes a minute to build, as long as the table "slow" is there.
  t.db.run(R"(
    CREATE FUNCTION slowly(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
      IF t = 'SUB-1' AND to_regclass('public.slow') IS NOT NULL THEN PERFORM pg_sleep(60); END IF;
      RETURN t; END $$;
    CREATE INDEX extra ON substations (slowly(substation_id));
    CREATE TABLE slow ())");
  {
    load_process load{t.db, t.folder, {t.file("substations.csv", whole("new")), "--yes"}};
    REQUIRE_MESSAGE(soon([&] {
                      return t.db.value(
                                 "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                 "current_database() AND wait_event = 'PgSleep'") == "1";
                    }),
                    load.said());
    CHECK(load.kill() == 128 + SIGKILL);
  }
  CHECK(t.session_gone());  // long before the minute is over
  t.db.run("DROP TABLE slow");
  t.check_recovery();
}

TEST_CASE("killed at any moment: old rows or new ones, and the next load works") {
  const loading t;
  const auto start = std::chrono::steady_clock::now();
  t.load_whole("old");
  const auto length = std::chrono::steady_clock::now() - start;
  const int kills = std::getenv("GRIDLIGHT_SOAK") != nullptr ? 200 : 8;
  std::mt19937 random{20261121U};
  MESSAGE("a load takes ", std::chrono::duration_cast<std::chrono::milliseconds>(length).count(), " ms");
  int done = 0;
  for (int i = 0; i < kills; ++i) {
    load_process load{t.db, t.folder, {t.file("substations.csv", whole("g" + std::to_string(i))), "--yes"}};
    const std::string before = t.present();
    std::this_thread::sleep_for(length * std::uniform_real_distribution<double>{0.05, 1.3}(random));
    load.kill();
    REQUIRE(t.session_gone());
    const std::string now = t.present();
    const bool replaced = now == "g" + std::to_string(i) + " 20000";
    CHECK_MESSAGE((replaced || now == before), now);
    done += replaced ? 1 : 0;
  }
  MESSAGE(kills, " kills, ", done, " of them after the swap");
  t.load_whole("old");
  CHECK(t.tables_of_runs() == "0");
  CHECK(t.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'running'") == "0");
}

TEST_CASE("standard input: a layer's rows, plain or gzip, and a new layer") {
  const loading t;
  {
    load_process load = t.from_input();
    load.feed(whole("new"));
    CHECK_MESSAGE(load.wait() == 0, load.said());
  }
  CHECK(t.present() == "new 20000");
  {
    load_process load = t.from_input();
    load.feed(test::packed(whole("old")));
    CHECK_MESSAGE(load.wait() == 0, load.said());
  }
  CHECK(t.present() == "old 20000");
  {
    load_process load = t.from_input({"--layer", "poles", "--create"});
    load.feed(
        R"({"type":"Feature","geometry":{"type":"Point","coordinates":[-95,29]},"properties":{"id":7}})");
    load.feed("\n");
    CHECK_MESSAGE(load.wait() == 0, load.said());
    CHECK_MESSAGE(load.said().find("  poles:\n") != std::string::npos, load.said());
  }
  CHECK(t.db.value("SELECT id || ' ' || ST_AsText(geom) FROM poles") == "7 POINT(-95 29)");
}

TEST_CASE("standard input that breaks off, is empty, has a bad row or no layer changes nothing") {
  const loading t;
  const auto refused = [&](std::string_view bytes, std::string_view said,
                           std::vector<std::string> arguments) {
    load_process load = t.from_input(std::move(arguments));
    load.feed(bytes);
    CHECK(load.wait() == 1);
    CHECK_MESSAGE(load.said().find(said) != std::string::npos, load.said());
    CHECK(t.present() == "old 20000");
    CHECK(t.tables_of_runs() == "0");
  };
  const std::vector<std::string> layer{"--layer", "substations"};
  const std::string packed = test::packed(whole("new"));
  refused(std::string_view{packed}.substr(0, packed.size() / 2), "gzip", layer);
  refused("", "-: ", layer);
  refused(header + "SUB-1,new,ninety,1\n", "(standard input):2: latitude: \"ninety\"", layer);
  refused(whole("new"), "standard input needs --layer", {});
}
