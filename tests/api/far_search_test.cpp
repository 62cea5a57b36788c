// far_search against a model: points on the sphere, counted by brute force as the index would count them.
#include "api/far_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace gridlight;
using api::angle_between;

namespace {

constexpr double sphere_m = 6371008.7714150598;

std::vector<geo::lonlat> town(std::mt19937& random, std::size_t rows, geo::lonlat at, double degrees) {
  std::uniform_real_distribution<double> off{-degrees, degrees};
  std::vector<geo::lonlat> out;
  for (std::size_t i = 0; i < rows; ++i)
    out.push_back({at.lon + off(random), at.lat + off(random) / 2});
  return out;
}

struct outcome {
  std::size_t patches = 0, measured = 0;
  std::vector<double> nearest;
};

// On a sphere the ellipsoid's margin is only slack.
outcome run(const std::vector<geo::lonlat>& rows, api::far_search& search, geo::lonlat from,
            std::int64_t wanted) {
  outcome out;
  while (!search.gave_up()) {
    const auto patches = search.next();
    if (search.gave_up()) break;
    const auto touching = [&](const api::patch& p, auto what) {
      for (const geo::lonlat& r : rows)
        if (angle_between(r, p.at) * sphere_m <= p.reach_m) what(r);
    };
    if (patches.empty()) {
      std::vector<double> found;
      for (const geo::lonlat& r : rows) {
        const auto all = search.answer_patches();
        const bool in = std::any_of(all.begin(), all.end(), [&](const api::patch& p) {
          return angle_between(r, p.at) * sphere_m <= p.reach_m;
        });
        if (in) found.push_back(angle_between(r, from) * sphere_m);
      }
      out.measured += found.size();
      std::sort(found.begin(), found.end());
      found.resize(std::min(found.size(), static_cast<std::size_t>(wanted)));
      const auto within = std::upper_bound(found.begin(), found.end(), search.horizon_m()) - found.begin();
      if (within == wanted || search.sees_all()) {
        out.nearest = found;
        return out;
      }
      search.widen(within, std::ssize(found) == wanted ? std::optional{found.back()} : std::nullopt);
      continue;
    }
    out.patches += patches.size();
    std::vector<api::patch_contents> contents;
    for (const api::patch& p : patches) {
      std::int64_t count = 0;
      touching(p, [&](const geo::lonlat&) { ++count; });
      contents.push_back(
          {angle_between(p.at, from) * sphere_m, std::min(count, api::far_search::most_counted)});
    }
    search.learn(contents);
  }
  return out;
}

}  // namespace

TEST_CASE("the nearest of a town are found from anywhere, by looking at few of its rows") {
  std::mt19937 random{7};
  std::uniform_real_distribution<double> any{-1, 1};
  for (int i = 0; i < 25; ++i) {
    const geo::lonlat at{any(random) * 180, any(random) * 85}, from{any(random) * 180, any(random) * 89};
    const auto rows = town(random, 3000, at, 0.3);
    if (angle_between(at, from) < 0.1) continue;
    const std::int64_t wanted = i % 3 == 0 ? 1 : i % 3 == 1 ? 10 : 100;
    api::far_search search{
        api::disc_of({at.lon - 0.3, at.lat - 0.15, at.lon + 0.3, at.lat + 0.15}), wanted, {}};
    const outcome found = run(rows, search, from, wanted);
    std::vector<double> expected;
    for (const geo::lonlat& r : rows)
      expected.push_back(angle_between(r, from) * sphere_m);
    std::sort(expected.begin(), expected.end());
    expected.resize(static_cast<std::size_t>(wanted));
    CAPTURE(at.lon);
    CAPTURE(at.lat);
    CHECK(found.nearest == expected);
    CHECK(found.patches < 3000);
    CHECK(found.measured < 3000);
  }
}

TEST_CASE("a bound, too few rows, and none") {
  std::mt19937 random{8};
  const auto rows = town(random, 50, {10, 50}, 0.3);
  const api::disc where = api::disc_of({9.7, 49.85, 10.3, 50.15});
  const geo::lonlat from{-60, -10};
  const double middle = angle_between({10, 50}, from) * sphere_m;
  std::size_t near = 0;
  for (const geo::lonlat& r : rows)
    near += angle_between(r, from) * sphere_m <= middle ? 1U : 0U;
  api::far_search bounded{where, 100, middle}, all{where, 100, {}}, none{where, 5, {}};
  const outcome cut = run(rows, bounded, from, 100);
  CHECK(std::count_if(cut.nearest.begin(), cut.nearest.end(), [&](double d) { return d <= middle; }) ==
        static_cast<std::ptrdiff_t>(near));
  CHECK(run(rows, all, from, 100).nearest.size() == 50);
  CHECK(run({}, none, from, 5).nearest.empty());
}

TEST_CASE("a survey finds where the rows are") {
  std::mt19937 random{9};
  for (const geo::lonlat at : {geo::lonlat{-95, 29}, geo::lonlat{179.9, -17}, geo::lonlat{30, 89.9}}) {
    const auto rows = town(random, 300, at, 0.05);
    api::survey all;
    for (auto patches = all.next(); !patches.empty(); patches = all.next()) {
      std::vector<api::patch_contents> contents;
      for (const api::patch& p : patches)
        contents.push_back({0, std::count_if(rows.begin(), rows.end(), [&](const geo::lonlat& r) {
                              return angle_between(r, p.at) * sphere_m <= p.reach_m;
                            })});
      all.learn(contents);
    }
    const auto found = all.found();
    REQUIRE(found.has_value());
    for (const geo::lonlat& r : rows)
      CHECK(angle_between(r, found->centre) <= found->radius);
    CHECK(found->radius < 0.02);
    CHECK(!api::outside_of(*found).empty());
  }
  CHECK(api::outside_of({{0, 0}, api::whole_sphere}).empty());
}
