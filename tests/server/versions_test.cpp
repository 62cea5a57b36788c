#include "server/versions.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

using namespace gridlight;

namespace {

using readings = version_store::readings;

const geo::bbox west{-96, 29, -95.5, 30}, east{-95.4, 29, -95, 30}, both{-96, 29, -95, 30};

layer_change at(std::int64_t version, std::vector<geo::bbox> envelopes) {
  return {version, false, std::move(envelopes)};
}

readings one(std::int64_t version, std::vector<layer_change> changes, std::int64_t floor = 0) {
  readings out;
  out["a"] = {version, floor, std::nullopt, std::move(changes)};
  return out;
}

struct listened {
  version_store store;
  boost::asio::io_context loop;
  std::vector<std::shared_ptr<const news>> heard;
  version_store::subscription subscription =
      store.listen(loop.get_executor(), [this](const auto& n) { heard.push_back(n); });

  void learn(readings now, std::int64_t database = 1) {
    store.learn(std::move(now), steady::now(), database);
    loop.restart();
    loop.run();
  }
  std::int64_t touched(const geo::bbox& box, std::int64_t until = 1000) const {
    return store.known()->at("a")->touched(box, until);
  }
};

}  // namespace

TEST_CASE("a box is of the last version that touched it") {
  listened l;
  l.learn(one(3, {at(1, {both}), at(2, {west}), at(3, {east})}));
  CHECK(l.touched(west) == 2);
  CHECK(l.touched(east) == 3);
  CHECK(l.touched(both) == 3);
  CHECK(l.touched(both, 2) == 2);
  CHECK(l.touched({10, 10, 11, 11}) == 0);
  l.learn(one(5, {at(4, {}), {5, true, {}}}));
  CHECK(l.touched(west) == 5);
  CHECK(l.touched(west, 4) == 2);  // version 4 touched nothing
}

TEST_CASE("a version of which no change is told may have touched everything") {
  listened l;
  SUBCASE("at first") {
    l.learn(one(7, {at(5, {west}), at(7, {west})}, 3));
    CHECK(l.touched(east) == 6);
    CHECK(l.touched(west) == 7);
  }
  SUBCASE("later") {
    l.learn(one(1, {at(1, {west})}));
    l.learn(one(4, {at(2, {west}), at(4, {west})}));
    CHECK(l.touched(east) == 3);
    REQUIRE(l.heard.size() == 2);
    CHECK(l.heard[1]->items.at(0).everything);
  }
  SUBCASE("pruned while nobody looked") {
    l.learn(one(1, {at(1, {west})}));
    l.learn(one(20, {at(19, {west}), at(20, {east})}, 18));
    CHECK(l.touched(west) == 19);
    CHECK(l.touched({10, 10, 11, 11}) == 18);
    CHECK(l.touched(west, 5) == 5);
  }
}

TEST_CASE("listeners hear what is new, once, until they leave") {
  listened l;
  l.learn(one(1, {at(1, {both})}));
  REQUIRE(l.heard.size() == 1);
  l.learn(one(1, {}));
  CHECK(l.heard.size() == 1);
  l.learn(one(3, {at(2, {west}), at(3, {east})}));
  REQUIRE(l.heard.size() == 2);
  const news::item& item = l.heard[1]->items.at(0);
  CHECK(item.layer == "a");
  CHECK(item.version == 3);
  CHECK(item.changes.size() == 2);
  CHECK_FALSE(item.everything);
  CHECK_FALSE(item.tiles);
  auto again = one(3, {});
  again["a"].tiles = layer_knowledge::generalised{3, 14};
  l.learn(again);
  REQUIRE(l.heard.size() == 3);
  CHECK(l.heard[2]->items.at(0).tiles);
  CHECK(l.heard[2]->items.at(0).changes.empty());
  l.learn(one(2, {}), 1);
  REQUIRE(l.heard.size() == 4);
  CHECK(l.heard[3]->other_history);
  CHECK(l.touched(west) == 2);
  l.subscription.reset();
  l.learn(one(9, {}));
  CHECK(l.heard.size() == 4);
}

TEST_CASE("another origin is another history, whatever the versions' numbers; what is not told of it stays") {
  version_store s;
  const auto learn = [&](std::int64_t version, const data_origin& from, std::int64_t database = 5) {
    const std::uint64_t before = s.history();
    s.learn(one(version, {at(version, {west})}), steady::now(), database, from);
    CHECK(s.known()->mark == s.mark());
    return s.history() - before;
  };
  CHECK(learn(1, {}) == 0);
  CHECK(s.mark() == 0);
  CHECK(learn(2, {"a", 7, 1}) == 1);  // the schema was brought up: none knows what happened before
  const std::uint64_t first = s.mark();
  CHECK(first != 0);
  CHECK(learn(3, {"a", 7, 1}) == 0);
  CHECK(learn(4, {}) == 0);
  CHECK(learn(4, {"a", 0, 0}) == 0);
  CHECK(s.mark() == first);
  CHECK(learn(5, {"a", 7, 2}) == 1);  // a replica took over, or it was restored, and has gone further since
  const std::uint64_t second = s.mark();
  CHECK(second != first);
  CHECK(learn(6, {"a", 7, 1}) == 0);  // from a replica that has not heard of it
  CHECK(s.mark() == second);
  CHECK(learn(7, {"b", 7, 2}) == 1);
  CHECK(learn(8, {"b", 8, 1}) == 1);
  CHECK(learn(9, {"b", 8, 1}, 6) == 1);
  CHECK(learn(8, {"b", 8, 1}, 6) == 1);
  // Another server that meets this database now gives the same names.
  version_store other;
  other.learn(one(8, {}), steady::now(), 6, {"b", 8, 1});
  CHECK(other.mark() == s.mark());
}

TEST_CASE("the knowledge of a layer without news is the same object") {
  listened l;
  l.learn(one(1, {at(1, {both})}));
  const auto before = l.store.known()->at("a");
  l.learn(one(1, {}));
  CHECK(l.store.known()->at("a") == before);
}

TEST_CASE("what was looked at before is not looked for again") {
  listened l;
  l.learn(one(5, {at(1, {both}), at(2, {}), at(3, {west}), at(4, {}), at(5, {east})}));
  const auto a = l.store.known()->at("a");
  CHECK(a->touched(west, 5) == 3);
  CHECK(a->touched(west, 5, 2) == 3);
  CHECK(a->touched(west, 5, 3) == 3);
  CHECK(a->touched(west, 5, 4) == 4);
  CHECK(a->touched(east, 5, 4) == 5);
  l.learn(one(9, {at(9, {east})}, 8));
  CHECK(l.store.known()->at("a")->touched(west, 9, 5) == 8);  // what happened until 8 nobody knows
  CHECK(l.store.known()->at("a")->touched(west, 9, 8) == 8);
}

TEST_CASE("no more changes and boxes of a layer are kept than is good; the floor says from where") {
  listened l;
  std::int64_t version = 0;
  const auto raise = [&](int times, std::size_t boxes) {
    std::vector<layer_change> changes;
    for (int i = 0; i < times; ++i)
      changes.push_back(at(++version, std::vector<geo::bbox>(boxes, east)));
    l.learn(one(version, std::move(changes)));
  };
  const auto kept = [&] { return l.store.known()->at("a"); };
  raise(layer_knowledge::most_changes, 1);
  CHECK(kept()->floor == 0);
  CHECK(l.touched(west, 1'000'000) == 0);
  raise(10, 1);
  CHECK(kept()->floor == 10);
  CHECK(kept()->changes.entries().size() == layer_knowledge::most_changes);
  CHECK(kept()->changes.entries().front().version == 11);
  CHECK(l.touched(west, 1'000'000) == 10);
  CHECK(l.touched(east, 1'000'000) == version);
  // One after the other, or all at once: another server has the same floor.
  for (int i = 0; i < 1000; ++i)
    raise(1, 64);
  CHECK(kept()->floor == version - static_cast<std::int64_t>(layer_knowledge::most_boxes / 64));
  CHECK(kept()->changes.boxes() == layer_knowledge::most_boxes);
  std::vector<layer_change> all;
  for (std::int64_t v = 1; v <= version; ++v)
    all.push_back(at(v, std::vector<geo::bbox>(v > version - 1000 ? 64 : 1, east)));
  listened other;
  other.learn(one(version, std::move(all)));
  CHECK(other.store.known()->at("a")->floor == kept()->floor);
}
