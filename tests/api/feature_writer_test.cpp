#include "api/feature_writer.hpp"

#include <doctest/doctest.h>

#include "geo/wkb.hpp"
#include "tests/api/hand_made_result.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using namespace gridlight::api;
using test::big_endian;
using test::binary;
namespace oid = postgres::oid;

namespace {

constexpr Oid geometry_type_id = 16400;  // differs by database

std::string point(double lon, double lat) {
  std::string out{"\x01\x01\x00\x00\x20\xE6\x10\x00\x00", 9};
  for (const double v : {lon, lat}) {
    const std::string bytes = binary(v);
    out.append(bytes.rbegin(), bytes.rend());
  }
  return out;
}

layer sample() {
  layer l = test::make_layer("points", {test::text_property("na\"me"), test::number_property("load"),
                                        test::text_property("secret")});
  l.config.personal = {"secret"};
  return l;
}

const std::vector<Oid> types{oid::int8, oid::text, geometry_type_id, oid::text, oid::float8, oid::float8};

postgres::result_set rows() {
  return test::hand_made(
      types,
      {{big_endian(7, 8), "a:\\\"1", point(-95.3698, 29.7604), "Bellaire", binary(61.25), binary(34.9184)},
       {big_endian(7, 8), "b", std::nullopt, std::nullopt, std::nullopt, binary(0.0)}});
}

std::string feature(const feature_writer& w, const postgres::result_set& r, int row,
                    const property_selection& selection = std::nullopt,
                    std::optional<int> distance = std::nullopt) {
  std::string out;
  geo::text_sink sink{out, 0};
  w.append(sink, r, row, selection, distance);
  sink.finish();
  return out;
}

}  // namespace

TEST_CASE(
    "a feature: id, geometry, properties in the catalog's order, distance last; personal columns are not "
    "even read") {
  const feature_writer w{sample()};
  const auto r = rows();
  REQUIRE(w.fits(r));
  const std::string out = feature(w, r, 0, std::nullopt, 5);
  CHECK(out ==
        R"({"type":"Feature","id":"a:\\\"1","geometry":{"type":"Point","coordinates":[-95.3698,29.7604]},)"
        R"("properties":{"na\"me":"Bellaire","load":61.25,"distance_m":34.918}})");
}

TEST_CASE("nulls are null") {
  const feature_writer w{sample()};
  const std::string out = feature(w, rows(), 1, std::nullopt, 5);
  CHECK(
      out ==
      R"({"type":"Feature","id":"b","geometry":null,"properties":{"na\"me":null,"load":null,"distance_m":0}})");
}

TEST_CASE("a selection keeps the order asked for; an empty one leaves the distance") {
  const feature_writer w{sample()};
  std::string out = feature(w, rows(), 0, std::vector<std::size_t>{1, 0});
  CHECK(out.ends_with(R"("properties":{"load":61.25,"na\"me":"Bellaire"}})"));
  out = feature(w, rows(), 0, std::vector<std::size_t>{}, 5);
  CHECK(out.ends_with(R"("properties":{"distance_m":34.918}})"));
}

TEST_CASE("a table that changed under us is noticed") {
  const feature_writer w{sample()};
  std::vector<Oid> other = types;
  other[4] = oid::int4;
  CHECK_FALSE(w.fits(test::hand_made(other, {})));
  CHECK_FALSE(w.fits(test::hand_made({oid::int8, oid::text}, {})));
  CHECK_FALSE(w.fits(test::hand_made({}, {})));
}

TEST_CASE("an integer key is a number, a composite one a text that can be taken apart") {
  layer l = test::make_layer("numbers", {});
  l.key[0].type = oid::int4;
  std::string out = feature(feature_writer{l},
                            test::hand_made({oid::int8, oid::int4, geometry_type_id},
                                            {{big_endian(1, 8), big_endian(42, 4), std::nullopt}}),
                            0);
  CHECK(out == R"({"type":"Feature","id":42,"geometry":null,"properties":{}})");

  layer two = test::make_layer("pairs", {});
  two.key.push_back(test::text_property("b"));
  const auto r = test::hand_made({oid::int8, oid::text, oid::text, geometry_type_id},
                                 {{big_endian(1, 8), "a:b", "c\\", std::nullopt}});
  const feature_writer w{two};
  CHECK(w.key_text(r, 0) == "a\\:b:c\\\\");
  CHECK(w.key_parts(r, 0) == std::vector<std::string>{"a:b", "c\\"});
  CHECK(split_key(w.key_text(r, 0), 2) == w.key_parts(r, 0));
  out = feature(w, r, 0);
  CHECK(out == R"({"type":"Feature","id":"a\\:b:c\\\\","geometry":null,"properties":{}})");
}

TEST_CASE("ids are taken apart only when they have as many parts as the key") {
  CHECK(split_key("a:b\\c", 1) == std::vector<std::string>{"a:b\\c"});
  CHECK(split_key("a:", 2) == std::vector<std::string>{"a", ""});
  CHECK_FALSE(split_key("a", 2).has_value());
  CHECK_FALSE(split_key("a:b:c", 2).has_value());
  CHECK_FALSE(split_key("a:b\\", 2).has_value());
  CHECK_FALSE(split_key("a:\\b", 2).has_value());
  CHECK_FALSE(split_key("", 2).has_value());
}

TEST_CASE("the columns that lookups read leave personal ones out") {
  const layer l = sample();
  CHECK(layout_of(l).extra == 5);
  CHECK(layer_sql{l}.within().find("secret") == std::string::npos);
}

TEST_CASE("identifiers are quoted, whatever they are") {
  layer l = test::make_layer("x", {test::text_property("a\"; DROP TABLE y; --")});
  l.config.table = "ta\"ble";
  const std::string sql = layer_sql{l}.within();
  CHECK(sql.find(R"(t."a""; DROP TABLE y; --" AS p0)") != std::string::npos);
  CHECK(sql.find(R"("public"."ta""ble" t)") != std::string::npos);
}
