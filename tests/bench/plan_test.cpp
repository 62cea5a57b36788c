#include "bench/load/plan.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "bench/load/walk.hpp"

using namespace gridlight::bench;
using gridlight::geo::tile;

namespace {

const places houston = places::in_area({-95.6, 29.6, -95.1, 29.95});

std::vector<arrival> all_of(const scenario& s, double end_s, std::uint64_t seed = 1, std::size_t index = 0,
                            std::size_t of = 1) {
  plan p{s, houston, seed, index, of};
  std::vector<arrival> out;
  while (auto a = p.next(end_s))
    out.push_back(std::move(*a));
  return out;
}

scenario parsed(const std::string& text) {
  return read_scenario(text + "\nplaces: {area: [-95.6, 29.6, -95.1, 29.95]}\n", "x.yaml");
}

}  // namespace

TEST_CASE("a mix leaves at its rate, by its weights, in order, and the same again for a seed") {
  const scenario s =
      parsed("rate: 100\nmix:\n  - {get: '/a?lon={lon}', weight: 3}\n  - {get: /b, weight: 1}");
  const auto seen = all_of(s, 10);
  REQUIRE(seen.size() == 1000);
  std::map<std::size_t, int> of_kind;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].due_s == doctest::Approx(static_cast<double>(i) / 100));
    ++of_kind[seen[i].kind];
  }
  CHECK(of_kind[0] > 690);
  CHECK(of_kind[0] < 810);
  const auto again = all_of(s, 10), other = all_of(s, 10, 2);
  bool same = true, differs = false;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    same = same && seen[i].path == again[i].path;
    differs = differs || seen[i].path != other[i].path;
  }
  CHECK(same);
  CHECK(differs);
}

TEST_CASE("threads share a rate and its users evenly") {
  const scenario s = parsed("rate: 90\nmix: [{get: /a}]\npolls: [{get: /p, users: 7, every: 1s}]");
  std::size_t asked = 0, polled = 0;
  std::set<long> due_us;
  for (std::size_t i = 0; i < 3; ++i)
    for (const arrival& a : all_of(s, 10, 1, i, 3)) {
      (a.kind == 0 ? asked : polled) += 1;
      if (a.kind == 0) due_us.insert(std::lround(a.due_s * 1e6));
    }
  CHECK(asked == 900);
  CHECK(due_us.size() == 900);  // none at the same time as another thread's
  CHECK(polled == 70);
}

TEST_CASE("a ramp grows, a burst multiplies") {
  const auto within = [](const std::vector<arrival>& seen, double from, double to) {
    int n = 0;
    for (const arrival& a : seen)
      n += a.due_s >= from && a.due_s < to ? 1 : 0;
    return n;
  };
  const auto ramp = all_of(parsed("rate: 100\nramp: 10s\nmix: [{get: /a}]"), 20);
  CHECK(within(ramp, 0, 1) < 20);
  CHECK(within(ramp, 4.5, 5.5) == doctest::Approx(50).epsilon(0.1));
  CHECK(within(ramp, 12, 13) == doctest::Approx(100).epsilon(0.02));
  const auto storm =
      all_of(parsed("rate: 10\nbursts: {every: 10s, for: 2s, times: 10}\nmix: [{get: /a}]"), 40);
  CHECK(within(storm, 1, 2) == doctest::Approx(10).epsilon(0.1));
  CHECK(within(storm, 8, 10) == doctest::Approx(200).epsilon(0.06));
  CHECK(within(storm, 28, 30) == doctest::Approx(200).epsilon(0.06));
}

TEST_CASE("users poll at their own times, and know an ETag from the second time on") {
  const auto seen = all_of(parsed("polls: [{get: /p, users: 50, every: 10s, revalidate: true}]"), 30);
  CHECK(seen.size() == 150);
  int first = 0;
  for (const arrival& a : seen)
    first += a.first ? 1 : 0;
  CHECK(first == 50);
  CHECK(seen.front().due_s < 1);
  CHECK(seen.back().due_s > 29);
}

TEST_CASE("people at maps ask only for tiles they do not hold") {
  const scenario s = parsed(
      "maps: {users: 5, think: 1s, zoom: [10, 14], screen: [4, 3], held: 100000, start: [{get: /s}], "
      "tiles: {get: '/t/{z}/{x}/{y}'}}");
  const auto seen = all_of(s, 60);
  int starts = 0, tiles = 0;
  for (const arrival& a : seen)
    (a.kind == 0 ? starts : tiles) += 1;
  CHECK(starts == 5);
  CHECK(tiles > 5 * 12);       // at least their first pictures
  CHECK(tiles < 5 * 60 * 12);  // but not all tiles at every move
  for (std::size_t i = 1; i < seen.size(); ++i)
    CHECK(seen[i].due_s >= seen[i - 1].due_s);
}

TEST_CASE("a viewer's tiles lie in the world, each once while it is held") {
  map_users m;
  m.users = 1;
  m.min_zoom = 0;
  m.max_zoom = 6;
  m.held = 1'000'000;
  const places world = places::in_area({-180, -85, 180, 85});
  const popularity ranks{100, 1.1};
  std::mt19937_64 random{20261127};
  viewer v{m, world, ranks, random};
  std::set<std::tuple<int, std::int64_t, std::int64_t>> seen;
  auto tiles = v.begin();
  for (int move = 0; move < 3000; ++move) {
    for (const tile& t : tiles) {
      const std::int64_t n = std::int64_t{1} << t.z;
      CHECK((t.z >= 0 && t.z <= 6 && t.x >= 0 && t.x < n && t.y >= 0 && t.y < n));
      CHECK(seen.emplace(t.z, t.x, t.y).second);
    }
    tiles = v.move(random);
  }
  CHECK(seen.size() > 500);
}

TEST_CASE("popularity follows Zipf's law") {
  const popularity ranks{50, 1};
  std::mt19937_64 random{7};
  std::vector<int> drawn(50);
  for (int i = 0; i < 100'000; ++i)
    ++drawn.at(ranks.draw(random));
  CHECK(drawn[0] / static_cast<double>(drawn[1]) == doctest::Approx(2).epsilon(0.06));
  CHECK(drawn[0] / static_cast<double>(drawn[9]) == doctest::Approx(10).epsilon(0.15));
}

TEST_CASE("paths") {
  std::mt19937_64 random{1};
  std::string out;
  path_template{"/t/{tile:10}.mvt?b={bbox:0.02}"}.append(out, places::in_area({-95.37, 29.76, -95.37, 29.76}),
                                                         random);
  CHECK(out == "/t/10/240/423.mvt?b=-95.3800000,29.7500000,-95.3600000,29.7700000");
  out.clear();
  path_template{"/{z}/{x}-{y}"}.append(out, tile{3, 4, 5});
  CHECK(out == "/3/4-5");
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    out.clear();
    path_template{"/{one:a|b,c}"}.append(out, places::in_area({}), random);
    seen.insert(out);
  }
  CHECK(seen == std::set<std::string>{"/a", "/b,c"});
  CHECK_THROWS_AS(path_template{"/{one:a||b}"}, usage_error);
  CHECK_THROWS_AS(path_template("/{one:a|b}/{z}"), usage_error);
}
