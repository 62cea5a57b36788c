// Many clients at one cold tile: one query, one answer for all; who hangs up takes it from nobody else.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/server/postgres_support.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

constexpr const char* active_tiles =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND "
    "application_name = 'gridlight' AND query LIKE '%transformers%'";

// As many as this process and the server may have connections.
std::size_t crowd_size() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  return std::min<std::size_t>(1000, files.rlim_cur > 200 ? files.rlim_cur - 200 : 50);
}

using crowd = std::vector<std::unique_ptr<http_client>>;
crowd gather(const tile_world& w, std::size_t count) {
  crowd out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(std::make_unique<http_client>(w.url()));
    out.back()->connect();
  }
  return out;
}
void ask(crowd& all, const std::string& url) {
  for (const auto& c : all)
    c->send("GET " + url + " HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
}

double how(const tile_world& w, const std::string& what) {
  return w.metric("gridlight_tile_requests_total{how=\"" + what + "\"}");
}
double acquired(const tile_world& w) {
  return w.metric("gridlight_pool_acquired_total{lane=\"tile\"}");
}

bool comes(const temp_db& db, const std::string& count) {
  for (int i = 0; i < 300; ++i) {
    if (db.value(active_tiles) == count) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

// Runs `during` while nobody can read the transformers.
template <class Body>
void while_locked(const temp_db& db, Body during) {
  auto options = options_for(db.uri());
  options.application_name = "locker";
  with_connection(options, [&](postgres::connection& locker) -> asio::awaitable<void> {
    co_await succeeds(locker.execute("BEGIN; LOCK TABLE transformers IN ACCESS EXCLUSIVE MODE", soon()));
    during();
    co_await succeeds(locker.execute("ROLLBACK", soon()));
  });
}

std::set<std::string> answers(crowd& all) {
  std::set<std::string> bodies;
  for (const auto& c : all) {
    const http_reply r = c->receive();
    CHECK(r.status == 200);
    bodies.insert(r.header("ETag") + r.body);
  }
  return bodies;
}

const std::vector<std::string> patient{"--set", "postgres.lock_timeout=60s", "--set",
                                       "http.request_timeout=60s"};

}  // namespace

TEST_CASE("a thousand clients at one cold tile make one query, and all get its bytes") {
  const tile_world w{0, patient};
  std::mt19937_64 random{chosen_seed()};
  const std::string url = tile_url("transformers", w.any_tile(w.layer_of("transformers"), 14, random));
  const double misses = how(w, "miss"), joined = how(w, "joined"), loans = acquired(w);
  auto all = gather(w, crowd_size());
  while_locked(w.db(), [&] {
    ask(all, url);
    CHECK(comes(w.db(), "1"));
    std::this_thread::sleep_for(500ms);
    CHECK(w.db().value(active_tiles) == "1");
  });
  CHECK(answers(all).size() == 1);
  CHECK(how(w, "miss") - misses == 1);
  CHECK(how(w, "joined") - joined == static_cast<double>(all.size() - 1));
  CHECK(acquired(w) - loans == 1);
  MESSAGE(all.size() << " clients");
  // Not slowed down by a lock either.
  const std::string other = tile_url("transformers", w.any_tile(w.layer_of("transformers"), 16, random));
  const double misses_before = how(w, "miss");
  ask(all, other);
  CHECK(answers(all).size() == 1);
  CHECK(how(w, "miss") - misses_before == 1);
}

TEST_CASE("who hangs up, the first one too, takes the tile from nobody; when all have, the query ends") {
  const tile_world w{0, patient};
  std::mt19937_64 random{chosen_seed()};
  const auto at = [&](int z) {
    return tile_url("transformers", w.any_tile(w.layer_of("transformers"), z, random));
  };
  const std::string url = at(14), again = at(15);
  auto all = gather(w, 100);
  const double loans = acquired(w);
  while_locked(w.db(), [&] {
    crowd first = gather(w, 1);
    ask(first, url);
    CHECK(comes(w.db(), "1"));
    ask(all, url);
    std::this_thread::sleep_for(200ms);
    first.clear();
    all.resize(30);
    std::this_thread::sleep_for(500ms);
    CHECK(w.db().value(active_tiles) == "1");
  });
  CHECK(answers(all).size() == 1);
  CHECK(acquired(w) - loans == 1);
  while_locked(w.db(), [&] {
    ask(all, again);
    CHECK(comes(w.db(), "1"));
    all.clear();
    CHECK(comes(w.db(), "0"));
  });
  CHECK(http_client{w.url()}.get(again).status == 200);
}
