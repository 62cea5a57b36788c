#include "server/freshness.hpp"

#include <doctest/doctest.h>

#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

constexpr std::string_view schema = R"(
CREATE SCHEMA gridlight;
CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL);
INSERT INTO gridlight.layer_state VALUES ('a', 1), ('b', 7);
)";

std::int64_t version(const version_store& s, const std::string& layer) {
  const auto all = s.fresh();
  if (!all) return -1;
  const auto found = all->find(layer);
  return found == all->end() ? 0 : found->second;
}

asio::awaitable<bool> becomes(const version_store& s, std::string layer, std::int64_t wanted,
                              std::chrono::milliseconds within) {
  for (const auto end = deadline_in(within); steady::now() < end;) {
    if (version(s, layer) == wanted) co_return true;
    co_await pause(5ms);
  }
  co_return version(s, layer) == wanted;
}

}  // namespace

TEST_CASE(
    "a version that was raised is known within a second; a database without versions leaves none fresh") {
  temp_db db;
  db.run(schema);
  postgres::run_blocking([&](asio::any_io_executor executor) -> asio::awaitable<int> {
    postgres::pool_options options;
    for (auto& lane : options.lanes)
      lane = {1, 64};
    postgres::pool pool{executor, options_for(db.uri()), options};
    pool.start();
    version_store store;
    CHECK(store.fresh() == nullptr);
    freshness_keeper keeper{executor, store, pool, 50ms};
    keeper.start();
    const bool first = co_await becomes(store, "b", 7, 5s);
    CHECK(first);
    CHECK(version(store, "a") == 1);
    const auto same = store.last();
    co_await pause(200ms);
    CHECK(store.last() == same);  // nothing changed: nothing was replaced
    CHECK(steady::now() - store.asked_at() < 1s);

    db.run(
        "UPDATE gridlight.layer_state SET version = 8 WHERE layer = 'b'; DELETE FROM gridlight.layer_state "
        "WHERE layer = 'a'");
    const bool raised = co_await becomes(store, "b", 8, 1s);
    CHECK(raised);
    CHECK(version(store, "a") == 0);

    db.run("ALTER TABLE gridlight.layer_state RENAME TO away");
    const bool lost = co_await becomes(store, "b", -1, 3s);
    CHECK(lost);
    CHECK(store.last() != nullptr);
    db.run("ALTER TABLE gridlight.away RENAME TO layer_state");
    const bool back = co_await becomes(store, "b", 8, 2s);
    CHECK(back);

    // The table's loss of a layer was one history's end; a row that goes back is another's.
    const auto history = store.history();
    db.run("UPDATE gridlight.layer_state SET version = 3 WHERE layer = 'b'");
    const bool set_back = co_await becomes(store, "b", 3, 1s);
    CHECK(set_back);
    CHECK(store.history() == history + 1);

    keeper.stop();
    co_await pool.stop();
    co_await keeper.finished();
    co_return 0;
  });
}

TEST_CASE("another database under the same name is another history") {
  version_store store;
  const auto now = steady::now();
  store.set({{"a", 1}}, now, 100);
  store.set({{"a", 1}}, now, 100);
  store.set({{"a", 2}, {"b", 1}}, now, 100);
  CHECK(store.history() == 0);
  store.set({{"a", 2}, {"b", 1}}, now, 101);
  CHECK(store.history() == 1);
}

TEST_CASE(
    "a change log that nobody pruned, and readings that take their time, leave no server without versions") {
  temp_db db;
  db.run(R"(
    CREATE EXTENSION IF NOT EXISTS postgis;
    CREATE SCHEMA gridlight;
    CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL, change_floor bigint NOT NULL);
    CREATE TABLE gridlight.tile_state (layer text PRIMARY KEY, detail_zoom int, version bigint, rules text);
    CREATE TABLE gridlight.layer_change (layer text NOT NULL, version bigint, envelope geometry);
    CREATE INDEX ON gridlight.layer_change (layer, version);
    INSERT INTO gridlight.layer_state VALUES ('a', 600000, 0), ('b', 7, 0);
    INSERT INTO gridlight.layer_change SELECT 'a', n, ST_MakeEnvelope(n % 360 - 180, 1, n % 360 - 180, 2, 4326)
    FROM generate_series(1, 600000) n;
    ANALYZE gridlight.layer_change)");
  postgres::run_blocking([&](asio::any_io_executor executor) -> asio::awaitable<int> {
    postgres::pool_options options;
    for (auto& lane : options.lanes)
      lane = {1, 64};
    postgres::pool pool{executor, options_for(db.uri()), options};
    pool.start();
    version_store store;
    freshness_keeper keeper{executor, store, pool, 50ms};
    const auto start = steady::now();
    keeper.start();
    const bool first = co_await becomes(store, "a", 600000, 5s);
    CHECK(first);
    MESSAGE("600,000 changes: known after " << ms_since(start) << " ms");
    const auto a = store.known()->at("a");
    CHECK(a->changes.entries().size() == layer_knowledge::most_changes);
    CHECK(a->floor == 600000 - static_cast<std::int64_t>(layer_knowledge::most_changes));
    CHECK(a->touched({-170, 0, -170, 3}, 600000) == 599770);
    CHECK(a->touched({-170, 5, -170, 6}, 600000) == a->floor);

    // Each reading takes longer than it may for its versions to be trusted: they are known all the same.
    db.run(R"(
      ALTER TABLE gridlight.layer_state RENAME TO all_states;
      CREATE VIEW gridlight.layer_state AS SELECT s.* FROM gridlight.all_states s, (SELECT pg_sleep(1.3)) slow;
      UPDATE gridlight.all_states SET version = 8 WHERE layer = 'b')");
    bool slow = false;
    for (const auto end = deadline_in(20s); steady::now() < end && !slow;) {
      slow = store.last()->find("b")->second == 8;
      co_await pause(20ms);
    }
    CHECK(slow);
    keeper.stop();
    co_await pool.stop();
    co_await keeper.finished();
    co_return 0;
  });
}
