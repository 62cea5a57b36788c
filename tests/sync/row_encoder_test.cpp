#include "sync/load/row_encoder.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sync/load/mapping.hpp"

using namespace gridlight;
using namespace gridlight::sync;

namespace {

target_column column(std::string name, column_kind kind, std::string type = "") {
  target_column c;
  c.name = std::move(name);
  c.kind = kind;
  c.type = std::move(type);
  return c;
}

// A table of production's kind: a point generated from its coordinates.
std::vector<target_column> points() {
  std::vector<target_column> t{column("id", column_kind::text), column("latitude", column_kind::float8),
                               column("longitude", column_kind::float8), column("n", column_kind::int4),
                               column("geom", column_kind::geometry, "geometry(Point,4326)")};
  t[0].not_null = true;
  t[4].generated = true;
  t[4].shape = geo::geometry_type::point;
  t[4].srid = 4326;
  t[4].positions = positions_of("st_setsrid(st_makepoint(longitude, latitude), 4326)");
  return t;
}

std::vector<target_column> shapes() {
  std::vector<target_column> t{column("id", column_kind::int8),
                               column("geom", column_kind::geometry, "geometry(Polygon,4326)")};
  t[1].shape = geo::geometry_type::polygon;
  t[1].srid = 4326;
  return t;
}

cell text(std::string_view s) {
  return {cell::kind::text, s};
}

struct encoded {
  std::string reason, difference, bytes;
};

encoded encode(const std::vector<target_column>& table, const std::vector<std::string>& names,
               std::vector<cell> cells, std::optional<std::int64_t> zone = {}) {
  row_encoder e{table, zone};
  auto m = map_columns(table, names, {"id"}, false, {});
  REQUIRE(m.has_value());
  e.bind(std::move(*m));
  source_row row;
  row.cells = std::move(cells);
  encoded out;
  out.bytes = "kept";
  out.reason = e.encode(row, out.bytes);
  CHECK(out.bytes.starts_with("kept"));
  if (!out.reason.empty()) CHECK(out.bytes == "kept");
  out.difference = e.difference();
  return out;
}

std::string reason(column_kind kind, std::string type, cell value, int characters = 0, int precision = 0,
                   int scale = 0) {
  std::vector<target_column> t{column("id", column_kind::text), column("v", kind, std::move(type))};
  t[1].max_characters = characters;
  t[1].precision = precision;
  t[1].scale = scale;
  return encode(t, {"id", "v"}, {text("1"), value}).reason;
}

}  // namespace

TEST_CASE("positions are read from a generation expression") {
  using pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(positions_of("st_setsrid(st_makepoint(longitude, latitude), 4326)") ==
        pairs{{"longitude", "latitude"}});
  CHECK(positions_of(
            "st_setsrid(st_makeline(st_makepoint(from_longitude, from_latitude), st_makepoint(\"to_lon\", "
            "to_lat)), 4326)") == pairs{{"from_longitude", "from_latitude"}, {"to_lon", "to_lat"}});
  CHECK(positions_of("st_buffer(other, 1)").empty());
}

TEST_CASE("mapping: names in either case, aliases, renames") {
  const auto table = points();
  const auto m = map_columns(table, {"LON", "Lat", "ID"}, {"id"}, false, {});
  REQUIRE(m.has_value());
  REQUIRE(m->bindings.size() == 3);
  CHECK(m->bindings[0].source == 2);
  CHECK(m->bindings[1].source == 1);
  CHECK(m->bindings[2].source == 0);
  CHECK_FALSE(m->compared);
  const auto with_geom = map_columns(table, {"id", "geom", "latitude", "longitude"}, {"id"}, false, {});
  REQUIRE(with_geom.has_value());
  CHECK(with_geom->compared == 1);
  const auto renamed = map_columns(table, {"code", "y", "x"}, {"id"}, false, {{{"id", "code"}}, false});
  REQUIRE(renamed.has_value());
  CHECK(renamed->bindings.size() == 3);
}

TEST_CASE("mapping: everything that does not fit is named at once") {
  const auto table = points();
  const auto m = map_columns(table, {"colour", "lat", "lon", "size"}, {"id"}, false, {});
  REQUIRE_FALSE(m.has_value());
  CHECK(m.error().code == errc::input);
  CHECK(m.error().detail.find("lacks id (of the key)") != std::string::npos);
  CHECK(m.error().detail.find("colour, size") != std::string::npos);
  CHECK(map_columns(table, {"id", "colour"}, {"id"}, false, {{}, true}).has_value());
  CHECK_FALSE(map_columns(table, {"id"}, {"id"}, false, {{{"nope", "id"}}, false}).has_value());
  CHECK_FALSE(map_columns(table, {"id"}, {"id"}, false, {{{"n", "nope"}}, false}).has_value());
}

TEST_CASE("reasons for values that a column cannot hold") {
  using k = column_kind;
  CHECK(reason(k::int4, "integer", text("twelve")) == "v: \"twelve\" is not a whole number");
  CHECK(reason(k::int4, "integer", text("2147483648")) == "v: \"2147483648\" is out of range");
  CHECK(reason(k::int4, "integer", text("-2147483648")).empty());
  CHECK(reason(k::int2, "smallint", text("32768")) == "v: \"32768\" is out of range");
  CHECK(reason(k::int4, "integer", {cell::kind::number, {}, 0, 2.0}).empty());
  CHECK_FALSE(reason(k::int4, "integer", {cell::kind::number, {}, 0, 2.5}).empty());
  CHECK(reason(k::float8, "double precision", text("n/a")) == "v: \"n/a\" is not a number");
  CHECK(reason(k::float4, "real", text("1e300")) == "v: \"1e300\" is out of range");
  CHECK(reason(k::numeric, "numeric(4,2)", text("100"), 0, 4, 2) ==
        "v: \"100\" is too large for numeric(4,2)");
  CHECK(reason(k::boolean, "boolean", text("2")) == "v: \"2\" is not true or false");
  CHECK(reason(k::date, "date", text("01/02/2024")) == "v: \"01/02/2024\" is not a date (YYYY-MM-DD)");
  CHECK(reason(k::timestamptz, "timestamptz", text("2024-01-01 10:00")).find("no time zone") !=
        std::string::npos);
  CHECK(reason(k::timestamptz, "timestamptz", text("2024-01-01 10:00Z")).empty());
  CHECK(reason(k::uuid, "uuid", text("x")) == "v: \"x\" is not a UUID");
  CHECK(reason(k::jsonb, "jsonb", text("{\"a\":")) == "v: \"{\"a\":\" is not JSON");
  CHECK(reason(k::text, "varchar(3)", text("\xC3\xA9\xC3\xA9\xC3\xA9"), 3).empty());
  CHECK(reason(k::text, "varchar(3)", text("abcd"), 3) == "v: \"abcd\" is longer than varchar(3)");
  CHECK(reason(k::text, "text", text(std::string_view{"a\0b", 3})) == "v: holds a NUL character");
  const std::vector<target_column> odd{column("v", k::unsupported, "interval")};
  CHECK(map_columns(odd, {"v"}, {}, false, {}).error().detail.find("type interval") != std::string::npos);
  CHECK(map_columns(odd, {}, {}, false, {}).has_value());
  CHECK(reason(k::float8, "double precision", text(" ")).empty());  // blank: null
}

TEST_CASE("JSON: numbers of any size are numbers, and what is none is not") {
  using k = column_kind;
  const auto no = [](std::string_view json) {
    return reason(k::jsonb, "jsonb", text(json)).ends_with(" is not JSON");
  };
  for (const char* good : {"12345678901234567890123456789012345678", "-99999999999999999999", "1e400",
                           "-1E+400", "1.5e-400", "[0, -0, 0.10, 1E5, 18446744073709551616.5e3]",
                           R"({"a 007": "1.", "b\\": "\"01", "c": 1234567890123456789012})"})
    CHECK_MESSAGE(reason(k::jsonb, "jsonb", text(good)).empty(), good);
  for (const char* bad : {"01",    "-",    "--3",    "-01",   "1.",
                          "1.e5",  ".5",   "1e",     "1e+",   "1e+-5",
                          "+1",    "1 2",  "12-3",   "0x10",  "1a",
                          "1.5.5", "[1,]", "{1: 2}", "1e5.5", "123456789012345678901234567890z",
                          "[00]",  "NaN"})
    CHECK_MESSAGE(no(bad), bad);
  CHECK(reason(k::jsonb, "jsonb", text("1e140000")) == "v: holds a number that is too large for jsonb");
  CHECK(reason(k::jsonb, "jsonb", text("1e-16384")) == "v: holds a number that is too large for jsonb");
  CHECK(reason(k::json, "json", text("1e140000")).empty());
}

TEST_CASE("the last values of a kind are values of it") {
  using k = column_kind;
  CHECK(reason(k::float4, "real", text("3.4028235e38")).empty());
  CHECK(reason(k::float4, "real", text("-3.4028235677973362e38")).empty());
  CHECK(reason(k::float4, "real", text("3.4028235677973366e38")) ==
        "v: \"3.4028235677973366e38\" is out of range");
  CHECK(reason(k::time, "time", text("24:00:00")).empty());
  CHECK(!reason(k::time, "time", text("24:00:01")).empty());
}

TEST_CASE("keys and other required columns") {
  const auto e = encode(points(), {"id", "lat", "lon"}, {{}, text("1"), text("2")});
  CHECK(e.reason == "id: is missing");
}

TEST_CASE("times without a zone take the one that was given") {
  std::vector<target_column> t{column("id", column_kind::timestamptz)};
  const auto utc = encode(t, {"id"}, {text("2000-01-01 00:00")}, 0);
  const auto east = encode(t, {"id"}, {text("2000-01-01 01:00")}, 3600);
  CHECK(utc.reason.empty());
  CHECK(utc.bytes == east.bytes);
}

TEST_CASE("coordinates must be places") {
  const auto r = [](const char* lat, const char* lon) {
    return encode(points(), {"id", "lat", "lon"}, {text("1"), text(lat), text(lon)}).reason;
  };
  CHECK(r("90", "-180").empty());
  CHECK(r("90.01", "0") == "latitude: \"90.01\" is no latitude");
  CHECK(r("0", "180.01") == "longitude: \"180.01\" is no longitude");
  CHECK(r("nan", "0") == "latitude: \"nan\" is not a number");
}

TEST_CASE("a generated geometry is compared with the coordinates") {
  const auto difference = [](const char* lat, const char* lon, const char* geom) {
    const auto e =
        encode(points(), {"id", "lat", "lon", "geom"}, {text("1"), text(lat), text(lon), text(geom)});
    CHECK(e.reason.empty());
    return e.difference;
  };
  CHECK(difference("2", "1", "POINT(1 2)").empty());
  CHECK(difference("2", "1", "0101000020E6100000000000000000F03F0000000000000040").empty());
  CHECK(difference("2.000008", "1", "POINT(1 2)").empty());  // 0.9 m
  CHECK(difference("2.00001", "1", "POINT(1 2)").find("1 m from") != std::string::npos);
  CHECK(difference("0", "180", "POINT(-180 0)").empty());
  CHECK(difference("2", "1", "POINT(2 1)").find("m from its coordinates") != std::string::npos);
  CHECK(difference("", "", "POINT(2 1)").find("no coordinates") != std::string::npos);
  CHECK(difference("2", "1", "LINESTRING(1 2,3 4)").empty());  // starts there; nothing more is known
  CHECK(difference("2", "1", "POLYGON((0 0,1 0,1 1,0 0))").find("not the point") != std::string::npos);
  CHECK(difference("2", "1", "nowhere").find("cannot be read") != std::string::npos);
}

TEST_CASE("geometries in every spelling, and what is wrong with them") {
  const auto r = [](std::string_view geom) {
    return encode(shapes(), {"id", "wkt"}, {text("1"), text(geom)}).reason;
  };
  CHECK(r("POLYGON((0 0,1 0,1 1,0 0))").empty());
  CHECK(r("SRID=4326;POLYGON Z((0 0 5,1 0 5,1 1 5,0 0 5))").empty());
  CHECK(r(R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]})").empty());
  CHECK(r("POINT(1 2)") == "geom: a Point; the column is geometry(Polygon,4326)");
  CHECK(r("SRID=3857;POLYGON((0 0,1 0,1 1,0 0))").find("SRID 3857") != std::string::npos);
  CHECK(r("POLYGON((0 0,181 0,1 1,0 0))").find("outside longitude") != std::string::npos);
  CHECK(r("POLYGON((0 0,1 0").starts_with("geom: "));
  CHECK(r("0103000020E610").starts_with("geom: not a geometry: "));
  CHECK(r("0103000020E61") == "geom: not a hex EWKB geometry (odd or not hex)");
  CHECK(r("nothing").starts_with("geom: "));
  CHECK(r("01010000A0E6100000000000000000F03F00000000000000400000000000000840").find("Z or M") !=
        std::string::npos);
}

TEST_CASE("a point from two columns, and its bytes") {
  std::vector<target_column> t{column("geom", column_kind::geometry, "geometry(Point,4326)")};
  t[0].srid = 4326;
  const auto e = encode(t, {"lon", "lat"}, {text("1"), text("2")});
  CHECK(e.reason.empty());
  const auto wanted = geo::from_hex("0101000020E6100000000000000000F03F0000000000000040");
  CHECK(e.bytes.substr(10) == std::string{reinterpret_cast<const char*>(wanted.data()), wanted.size()});
  CHECK_FALSE(encode(t, {"lon", "lat"}, {text("181"), text("2")}).reason.empty());
  CHECK_FALSE(encode(t, {"lon", "lat"}, {text("1"), {}}).reason.empty());
  CHECK(encode(t, {"lon", "lat"}, {{}, {}}).reason.empty());
}
