// What tiles hold, against what PostGIS makes of the same rows: features, tags, geometry, counts and seams.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

#include "geo/mvt.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight::test;
using gridlight::geo::grid_point;
using gridlight::geo::tile;

namespace {

struct found_faults {
  int tiles = 0, features = 0, dropped = 0, faults = 0;
  std::string first;
  thin_tally thin;
  void add(const std::string& what) {
    if (faults++ == 0) first = what;
  }
};

// Polygons have the tolerances of tests/geo/mvt_db_test.cpp: PostGIS clips by Wagyu, ours by GEOS' rules, and
// they part only where a polygon is as thin as a unit.
void compare(const tile_world& w, const tile_truth& l, const tile& t, found_faults& out) {
  const std::string& name = l.of().config.name;
  const http_reply reply = w.get(name, t);
  const auto ours = features_of_tile(tile_bytes(reply));
  auto theirs = l.at(t);
  ++out.tiles;
  out.features += static_cast<int>(ours.size());
  if (reply.has("Gridlight-Dropped")) {
    ++out.dropped;
    std::erase_if(theirs, [&](const auto& f) { return ours.count(f.first) == 0; });
  }
  for (const auto& [id, what] : geometry_faults(ours, theirs, out.thin))
    out.add(tile_url(name, t) + " feature " + std::to_string(id) + " " + what);
  for (const auto& [id, f] : ours)
    if (const auto other = theirs.find(id); other != theirs.end())
      if (const std::string what = tag_fault(f, other->second); !what.empty())
        out.add(tile_url(name, t) + " feature " + std::to_string(id) + " " + what);
}

int buildings() {
  return count_of(15'000, 280'000);
}

std::int64_t count_tag(const tile_feature& f) {
  for (const auto& [name, value] : f.tags)
    if (name == "point_count") return std::get<std::int64_t>(value);
  return 1;
}

// Identities of the rows of the generalised table that are at home in a tile.
std::set<std::uint64_t> at_home(const tile_world& w, const tile_truth& l, const tile& t) {
  std::set<std::uint64_t> out;
  for (const auto& row : w.db().rows("SELECT ident FROM gridlight_tiles.\"" + l.of().config.name +
                                     "\" WHERE home AND zoom = " + std::to_string(t.z) +
                                     " AND tx = " + std::to_string(t.x) + " AND ty = " + std::to_string(t.y)))
    out.insert(gridlight::geo::feature_id(row[0]));
  return out;
}

// Vertices of lines and points of the two that lie in both tiles' buffers, in units of the world.
std::set<std::pair<std::int64_t, std::int64_t>> in_the_overlap(const tile_feature& f, const tile& t,
                                                               bool down) {
  std::set<std::pair<std::int64_t, std::int64_t>> out;
  for (const auto& part : f.parts)
    for (const grid_point p : part) {
      const std::int64_t x = t.x * 4096 + p.x, y = t.y * 4096 + p.y;
      const std::int64_t across = down ? y : x;
      const std::int64_t edge = std::llround(static_cast<double>(across) / 4096) * 4096;
      if (std::abs(across - edge) < 62) out.emplace(x, y);
    }
  return out;
}

using features_and_etags = std::map<std::string, std::vector<std::pair<std::uint64_t, std::string>>>;
features_and_etags ids_of(const tile_world& w, const std::vector<std::pair<std::string, tile>>& all) {
  features_and_etags out;
  for (const auto& [name, t] : all) {
    auto& list = out[tile_url(name, t)];
    for (const auto& [id, f] : features_of_tile(tile_bytes(w.get(name, t)))) {
      std::string key;
      for (const auto& [tag, value] : f.tags)
        if (const auto* text = std::get_if<std::string>(&value); text != nullptr && tag.ends_with("_id"))
          key += *text + " ";
      list.emplace_back(id, key);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("tiles of every layer hold the features, tags and shapes that PostGIS makes of the same rows") {
  const auto seed = chosen_seed();
  std::cout << "GRIDLIGHT_SEED=" << seed << std::endl;
  std::mt19937_64 random{seed};
  const tile_world w{buildings()};
  REQUIRE(w.layers().size() >= 14);
  for (const tile_truth& l : w.layers()) {
    const std::string& name = l.of().config.name;
    CAPTURE(name);
    if (l.count() == 0) continue;
    const int first = std::max(l.detail_zoom(), l.of().config.min_zoom), last = l.of().config.max_zoom;
    found_faults seen, low;
    for (int i = count_of(20, 1000); i > 0; --i) {
      const int z = first + static_cast<int>(random() % static_cast<unsigned>(last - first + 1));
      compare(w, l, w.any_tile(l, z, random), seen);
    }
    if (l.detail_zoom() > 0)
      for (int i = count_of(20, 1000); i > 0; --i)
        compare(w, l,
                w.any_tile(l, static_cast<int>(random() % static_cast<unsigned>(l.detail_zoom())), random),
                low);
    std::cout << name << ": " << seen.tiles << " tiles from zoom " << first << " with " << seen.features
              << " features, " << seen.dropped << " not whole; " << low.tiles << " below with "
              << low.features << "; thin " << seen.thin.thin << " of " << seen.thin.polygons << ", below "
              << low.thin.thin << " of " << low.thin.polygons << std::endl;
    CHECK_MESSAGE(seen.faults == 0, seen.faults << " faults: " << seen.first);
    CHECK_MESSAGE(low.faults == 0, low.faults << " faults: " << low.first);
    CHECK(seen.features >= seen.tiles / 2);
    for (const thin_tally& thin : {seen.thin, low.thin})
      CHECK(thin.thin * 20 <= std::max(20, thin.polygons));
  }
}

TEST_CASE("below the detail zoom each feature is counted once, and what stands for others is one of them") {
  const tile_world w{buildings()};
  int generalised = 0;
  for (const tile_truth& l : w.layers()) {
    if (l.detail_zoom() == 0) continue;
    ++generalised;
    const std::string& name = l.of().config.name;
    CAPTURE(name);
    CHECK(l.false_representatives() == 0);
    for (const int z : {0, 6, 10, l.detail_zoom() - 1}) {
      CAPTURE(z);
      std::int64_t sum = 0;
      int dropped = 0;
      for (const auto& row : w.db().rows("SELECT DISTINCT tx, ty FROM gridlight_tiles.\"" + name +
                                         "\" WHERE zoom = " + std::to_string(z))) {
        const tile t{z, std::stoll(row[0]), std::stoll(row[1])};
        const auto home = at_home(w, l, t);
        const http_reply reply = w.get(name, t);
        dropped += reply.has("Gridlight-Dropped");
        for (const auto& [id, f] : features_of_tile(tile_bytes(reply)))
          if (home.count(id) != 0) sum += count_tag(f);
      }
      CHECK(dropped == 0);
      // Merged lines are a feature of each tile they reach, and what is shorter than a unit is not drawn.
      if (l.of().config.merge_column().empty() ||
          l.of().config.geometry_type != gridlight::geometry_kind::line)
        CHECK(sum == l.count());
    }
  }
  CHECK(generalised >= 10);
}

TEST_CASE("neighbours draw the same features in their common buffer") {
  const auto seed = chosen_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const tile_world w;
  int shared = 0;
  for (const tile_truth& l : w.layers()) {
    const std::string& name = l.of().config.name;
    if (l.count() == 0 || l.of().config.geometry_type == gridlight::geometry_kind::polygon ||
        l.of().config.geometry_type == gridlight::geometry_kind::mixed)
      continue;  // clipped polygons have other vertices at each edge; their shapes are compared above
    const bool points = l.of().config.geometry_type == gridlight::geometry_kind::point;
    for (int i = count_of(20, 500); i > 0; --i) {
      const int z = 8 + static_cast<int>(random() % 10);
      const tile a = w.any_tile(l, z, random);
      const bool down = random() % 2 == 0;
      const tile b{z, a.x + (down ? 0 : 1), a.y + (down ? 1 : 0)};
      CAPTURE(tile_url(name, a));
      const auto of_a = features_of_tile(tile_bytes(w.get(name, a)));
      const auto of_b = features_of_tile(tile_bytes(w.get(name, b)));
      for (const auto& [id, f] : of_a) {
        auto mine = in_the_overlap(f, a, down);
        std::erase_if(mine, [&](const auto& p) {
          return std::llround(static_cast<double>(down ? p.second : p.first) / 4096) != (down ? b.y : b.x);
        });
        if (mine.empty()) continue;
        ++shared;
        const auto other = of_b.find(id);
        const bool there = other != of_b.end();
        // A line's vertex where it leaves the common buffer sideways is a clip of one tile alone.
        CHECK_MESSAGE(there, "feature " << id << " is drawn on one side only");
        if (there && points) {
          const auto theirs = in_the_overlap(other->second, b, down);
          for (const auto& p : mine)
            CHECK(theirs.count(p) == 1);
        }
        // Merged lines are counted tile by tile.
        const bool merged = z < l.detail_zoom() && !l.of().config.merge_column().empty();
        if (there && !merged) CHECK(tag_fault(f, other->second) == "");
      }
    }
  }
  MESSAGE(shared << " features in common buffers, seed " << seed);
  CHECK(shared > 0);
}

TEST_CASE("ids stay when tables are built anew, and when a load swaps the rows") {
  const auto seed = chosen_seed();
  std::mt19937_64 random{seed};
  tile_world w{buildings()};
  std::vector<std::pair<std::string, tile>> all;
  for (const tile_truth& l : w.layers())
    for (int i = 0; l.count() > 0 && i < count_of(10, 100); ++i)
      all.emplace_back(l.of().config.name, w.any_tile(l, static_cast<int>(random() % 19), random));
  const auto before = ids_of(w, all);
  w.run("tiles build --anew --yes");
  w.wait_until_known();
  CHECK(ids_of(w, all) == before);
  // The same rows through a file of their own, in another order.
  const temp_folder folder;
  const auto file = (folder.path() / "transformers.csv").string();
  std::ofstream out{file};
  out << "transformer_id,substation_id,rated_kva,install_year,health_score,age_years,location_area,feeder_id,"
         "longitude,"
         "latitude\n";
  for (const auto& row :
       w.db().rows("SELECT transformer_id, substation_id, rated_kva, install_year, health_score, age_years, "
                   "location_area, "
                   "feeder_id, longitude, latitude FROM transformers ORDER BY md5(transformer_id)")) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out << (i == 0 ? "" : ",") << (row[i] == "NULL" ? "" : row[i]);
    out << "\n";
  }
  out.close();
  w.run("load '" + file + "' --layer transformers --yes 2>&1");
  w.run("tiles build");
  w.wait_until_known();
  CHECK(ids_of(w, all) == before);
}

TEST_CASE("nothing beyond web mercator's square is drawn") {
  const tile_world w{0, {"--set", "tiles.build=false"}};
  w.db().run(
      "INSERT INTO transformers (transformer_id, longitude, latitude) VALUES ('POLE', 10, 90), ('NORTH', 10, "
      "85.06), "
      "('EDGE', 10, 85.0511), ('SOUTH', 10, -89);"
      "INSERT INTO osm_water (id, name, geom) VALUES (900001, 'cap', ST_MakeEnvelope(9, 84, 11, 89, 4326)), "
      "(900002, 'way', ST_GeomFromText('LINESTRING(10 80, 10 89)', 4326));");
  std::this_thread::sleep_for(std::chrono::seconds{1});
  std::set<std::string> points;
  for (int z = 13; z <= 20; ++z) {
    for (const double lat : {85.0511, -85.0511}) {
      const tile t = gridlight::geo::tile_at({10, lat}, z);
      for (const auto& [id, f] : features_of_tile(tile_bytes(w.get("transformers", t))))
        for (const auto& [name, value] : f.tags)
          if (name == "transformer_id") points.insert(std::get<std::string>(value));
      for (const auto& [id, f] : features_of_tile(tile_bytes(w.get("water", t))))
        for (const auto& part : f.parts)
          for (const grid_point p : part) {
            const bool beyond = (t.y == 0 && p.y < 0) || (t.y == (1LL << z) - 1 && p.y > 4096);
            CHECK_MESSAGE(!beyond, tile_url("water", t) << " " << p.y);
          }
    }
  }
  CHECK(points == std::set<std::string>{"EDGE"});
}
