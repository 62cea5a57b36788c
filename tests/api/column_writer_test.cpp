#include "api/column_writer.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "geo/wkt.hpp"
#include "tests/api/hand_made_result.hpp"
#include "tests/api/routes_bench.hpp"
#include "tests/support/column_reader.hpp"

using namespace gridlight;
using namespace gridlight::api;
using test::big_endian;
using test::binary;
namespace oid = postgres::oid;

namespace {

constexpr Oid geometry_type_id = 16400;

std::string wkb(std::string_view wkt) {
  const auto bytes = geo::geometry_from_wkt(wkt).ewkb;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

layer sample() {
  layer l = test::make_layer("points", {test::text_property("na\"me"), test::number_property("load"),
                                        test::text_property("secret")});
  l.config.personal = {"secret"};
  return l;
}

// NaN, a null of every kind, texts beyond ASCII and with what JSON escapes.
postgres::result_set rows() {
  return test::hand_made({oid::int8, oid::text, geometry_type_id, oid::text, oid::float8, oid::float8},
                         {{big_endian(7, 8), "a:\\\"1", wkb("POINT(-95.3698 29.7604)"), "Zürich 💥\n",
                           binary(61.25), binary(34.9184)},
                          {big_endian(7, 8), "b", std::nullopt, std::nullopt, std::nullopt, std::nullopt},
                          {big_endian(7, 8), "ü", wkb("LINESTRING(1 2,3 4)"), "",
                           binary(std::numeric_limits<double>::quiet_NaN()), binary(0.0)}});
}

std::string written(const layer& l, const postgres::result_set& r, std::int64_t count,
                    const property_selection& selection = std::nullopt,
                    std::optional<int> distance = std::nullopt) {
  const feature_writer features{l};
  const column_writer writer{l, features};
  std::string out;
  geo::text_sink sink{out, 0};
  writer.append(sink, r, count, selection, distance);
  sink.finish();
  return out;
}

}  // namespace

TEST_CASE("an array a property, nulls and NaN as null; personal columns are not even read") {
  CHECK("{" + written(sample(), rows(), 3, std::nullopt, 5) ==
        R"({"ids":["a:\\\"1","b","ü"],"columns":{"na\"me":["Zürich 💥\n",null,""],"load":[61.25,null,null],)"
        R"("distance_m":[34.918,null,0]},"positions":[-95.3698,29.7604,1,2,3,4],"geometryType":"Mixed",)"
        R"("types":["Point",null,"LineString"],"offsets":[0,1,1,3])");
}

TEST_CASE("only the rows counted, only the properties asked for, in that order") {
  CHECK("{" + written(sample(), rows(), 1, std::vector<std::size_t>{1, 0}) ==
        R"({"ids":["a:\\\"1"],"columns":{"load":[61.25],"na\"me":["Zürich 💥\n"]},)"
        R"("positions":[-95.3698,29.7604],"geometryType":"Point")");
  CHECK("{" + written(sample(), rows(), 0, std::vector<std::size_t>{}, 5) ==
        R"({"ids":[],"columns":{"distance_m":[]},"positions":[],"geometryType":null,"offsets":[0])");
}

TEST_CASE("the features can be made again as feature_writer writes them") {
  const layer l = sample();
  const auto r = rows();
  const feature_writer w{l};
  std::string features = "[";
  {
    geo::text_sink sink{features};
    for (int row = 0; row < 3; ++row) {
      if (row > 0) sink.append(',');
      w.append(sink, r, row, std::nullopt);
    }
    sink.append(']');
  }
  const test::column_reader read{"{" + written(l, r, 3) + "}"};
  CHECK(read.features() == test::column_reader::minified_items(features));
}
