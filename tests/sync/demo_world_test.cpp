#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sync/demo/tables.hpp"

using namespace gridlight::sync::demo;

namespace {

// FNV-1a over every byte that would be sent to Postgres; also counts rows of each table.
std::uint64_t digest(const world& w, std::vector<std::int64_t>* rows = nullptr) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const demo_table& t : demo_tables()) {
    copy_rows out;
    std::int64_t sum = 0;
    for (std::size_t piece = 0; piece < t.pieces(w); ++piece) {
      t.write(w, piece, out);
      for (const char c : out.bytes())
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
      sum += out.rows();
      out.clear();
    }
    if (rows != nullptr) rows->push_back(sum);
  }
  return hash;
}

}  // namespace

TEST_CASE("the demo at scale 1 has production's row counts") {
  const row_counts n{1};
  CHECK(n.substations == 275);
  CHECK(n.transformers == 91554);
  CHECK(n.power_lines == 13104);
  CHECK(n.buildings == 2670707);
  CHECK(n.water == 12758);
  CHECK(n.vegetation == 49265);
  CHECK(n.meters == 100000);
  CHECK(n.customers == 100000);
  CHECK(n.assets == 726263);
  CHECK(n.topology == 153592);
  CHECK(n.circuits == 2000);
}

TEST_CASE("every table has exactly as many rows as were promised, at any scale") {
  for (const double scale : {0.001, 0.0037, 0.02}) {
    const world w{scale, 7};
    std::vector<std::int64_t> rows;
    digest(w, &rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(scale);
      CAPTURE(demo_tables()[i].table);
      CHECK(rows[i] == demo_tables()[i].rows(w));
    }
  }
}

TEST_CASE("the same seed gives the same bytes, another seed others") {
  const std::uint64_t one = digest(world{0.002, 1});
  CHECK(digest(world{0.002, 1}) == one);
  CHECK(digest(world{0.002, 2}) != one);
  CHECK(digest(world{0.002, -1}) != one);
}

TEST_CASE("the world at scale 1 is whole: counts, links and every kind of substation") {
  const world w{1, 1};
  CHECK(w.substations.size() == 275);
  CHECK(w.circuits.size() == 2000);
  CHECK(w.lines.size() == 13104);
  CHECK(w.transformers.size() == 91554);
  CHECK(w.meters.size() == 100000);
  CHECK(w.trees.size() == 49265);
  CHECK(static_cast<int>(w.poles.size()) == w.counts.poles());
  std::set<mood> moods;
  std::set<std::string> names;
  for (const substation& s : w.substations) {
    moods.insert(s.state);
    names.insert(s.name);
    CHECK(s.circuits.count >= 7);
  }
  CHECK(moods.size() == 4);
  CHECK(names.size() == w.substations.size());
  CHECK(std::ranges::count(w.substations, mood::good, &substation::state) > 275 / 2);
  bool fed = true, near = true;
  for (const transformer& t : w.transformers)
    fed = fed && t.fed_by < static_cast<int>(&t - w.transformers.data());
  for (const meter& m : w.meters)
    near = near && w.transformers[static_cast<std::size_t>(m.transformer)].circuit == m.circuit &&
           distance(m.at, w.transformers[static_cast<std::size_t>(m.transformer)].at) < 1000;
  CHECK(fed);
  CHECK(near);
  std::set<outage::state> states;
  for (const outage& o : w.outages)
    states.insert(o.status);
  CHECK(states.size() == 5);
}

TEST_CASE("shares add up to the total and follow the weights") {
  CHECK(apportioned(10, {1, 1, 2}) == std::vector<int>{2, 3, 5});
  CHECK(apportioned(0, {5, 5}) == std::vector<int>{0, 0});
  CHECK(apportioned(1, {1, 1, 1}) == std::vector<int>{0, 0, 1});
  CHECK(apportioned(2670707, {7}) == std::vector<int>{2670707});
}

TEST_CASE("metres near Houston are those of the ellipsoid to 0.1 %") {
  // Checked against PostGIS: ST_Distance of geography over 1,000 m due north and due east of the core.
  const position core{-953698000, 297604000};
  CHECK(distance(core, {-953698000, 297694000}) == doctest::Approx(997.64).epsilon(0.001));
  CHECK(distance(core, {-953598000, 297604000}) == doctest::Approx(967.17).epsilon(0.001));
  CHECK(distance(core, moved(core, {300, 400})) == doctest::Approx(500).epsilon(0.0001));
}
