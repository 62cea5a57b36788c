#include "server/http/parameters.hpp"

#include <doctest/doctest.h>

#include "server/http/url.hpp"

using namespace gridlight;
using http::parameters;

namespace {

http::request ask(std::string_view query) {
  http::request out;
  auto decoded = http::decode_query(query);
  REQUIRE(decoded.has_value());
  out.query = *std::move(decoded);
  return out;
}

// What `read` finds wrong with the query; "" when nothing.
template <class Read>
std::string fault_of(std::string_view query, Read read) {
  const http::request req = ask(query);
  parameters q{req};
  read(q);
  const auto fault = q.fault();
  if (!fault) return "";
  CHECK(fault->code == errc::bad_parameter);
  return fault->parameter + "|" + fault->detail;
}

void radius(parameters& q) {
  q.number("radius_m", {0, 50'000, "metres"});
}
void position(parameters& q) {
  q.position();
}
void limit(parameters& q) {
  q.integer_or("limit", 100, 1, 10'000);
}
void box(parameters& q) {
  q.bbox();
}
void names(parameters& q) {
  q.list("properties");
}

}  // namespace

TEST_CASE("faults name the parameter, what it was, and what is allowed") {
  CHECK(fault_of("radius_m=90000", radius) ==
        "radius_m|radius_m is 90000; it must be between 0 and 50000 (metres)");
  CHECK(fault_of("lat=1", position) ==
        "lon|lon is missing; it must be a number between -180 and 180 (degrees)");
  CHECK(fault_of("lon=1&lat=", position) ==
        "lat|lat is empty; it must be a number between -90 and 90 (degrees)");
  CHECK(fault_of("lon=1&lat=1&lon=2", position) == "lon|lon is given twice");
  CHECK(fault_of("lon=1&lat=1&lon=2&lon=3", position) == "lon|lon is given 3 times");
  CHECK(fault_of("limt=5", limit) == "limt|limt is not a parameter of this route; known: limit");
  CHECK(fault_of("x=5", [](parameters&) {}) == "x|x is not a parameter of this route; it takes none");
  CHECK(fault_of("=5", limit) == "|'' is not a parameter of this route; known: limit");
  CHECK(fault_of("limit=0", limit) == "limit|limit is 0; it must be between 1 and 10000");
  CHECK(fault_of("limit=1.5", limit) == "limit|limit is 1.5; it must be a whole number between 1 and 10000");
  CHECK(fault_of("limit=99999999999999999999", limit) ==
        "limit|limit is 99999999999999999999; it must be between 1 and 10000");
}

TEST_CASE("the first fault is the one told") {
  CHECK(fault_of("lon=x&lat=y&zoom=1", position).starts_with("lon|"));
  const auto own = [](parameters& q) {
    q.text("properties");
    q.fail("properties", "properties: there is no kva");
    q.fail("properties", "another");
  };
  CHECK(fault_of("properties=kva&z=1", own) == "properties|properties: there is no kva");
}

TEST_CASE("numbers are plain decimals, the whole text, finite") {
  for (const char* good : {"0", "-0", "50000", "5e4", "1.5E%2B1", ".5", "5.", "00012", "1e-3"}) {
    CAPTURE(good);
    CHECK(fault_of("radius_m=" + std::string{good}, radius).empty());
  }
  for (const char* bad :
       {"",    "inf",   "-inf",          "infinity", "nan",          "NAN",   "nan(1)", "0x10",   "%2B5",
        "+5",  "%205",  "5%20",          "5+",       "5m",           "1e",    "1e999",  "-1e999", "1,5",
        "--5", "5e4.0", "50000.0000001", "-1e-9",    "\xEF\xBC\x95", "1_000", "'5'"}) {
    CAPTURE(bad);
    CHECK(fault_of("radius_m=" + std::string{bad}, radius).starts_with("radius_m|radius_m is "));
  }
  const http::request req = ask("radius_m=-0");
  parameters q{req};
  CHECK_FALSE(std::signbit(q.number("radius_m", {-1, 1, ""})));
}

TEST_CASE("long and odd values are shown escaped and cut") {
  const std::string cut = fault_of("radius_m=" + std::string(5000, '9'), radius);
  CHECK(cut == "radius_m|radius_m is " + std::string(60, '9') + "…; it must be between 0 and 50000 (metres)");
  const std::string odd = fault_of("radius_m=%0d%0aSet-Cookie:%22x%1b[2J", radius);
  for (const char c : odd)
    CHECK(static_cast<unsigned char>(c) >= 0x20);
  CHECK(odd.find("\\x0D\\x0ASet-Cookie:") != std::string::npos);
  std::string wide;
  for (int i = 0; i < 100; ++i)
    wide += "ü";
  const std::string kept = fault_of("radius_m=" + wide, radius);
  CHECK(kept.size() ==
        std::string_view{"radius_m|radius_m is …; it must be a number between 0 and 50000 (metres)"}.size() +
            120);
  CHECK(http::usable_text(kept));
  CHECK(fault_of(std::string(300, 'p') + "=1", limit).starts_with(std::string(60, 'p') + "…|"));
}

TEST_CASE("absent parameters fall back") {
  const http::request req = ask("");
  parameters q{req};
  CHECK(q.number_or("max_distance_m", 7.5, {0, 10}) == 7.5);
  CHECK(q.integer_or("limit", 100, 1, 10) == 100);
  CHECK_FALSE(q.optional_number("a", {0, 1}));
  CHECK_FALSE(q.text("cursor"));
  CHECK_FALSE(q.bbox());
  CHECK(q.list("properties").empty());
  CHECK_FALSE(q.fault());
}

TEST_CASE("values come through decoded") {
  const http::request req = ask("a=x+y%2Bz&b=%C3%BC&properties=one,two%2C,&limit=7&c");
  parameters q{req};
  CHECK(q.text("a") == "x y+z");
  CHECK(q.text("b") == "ü");
  CHECK(q.text("c") == "");
  CHECK(q.integer_or("limit", 1, 1, 10) == 7);
  CHECK_FALSE(q.list("properties").empty());
  CHECK(q.fault()->parameter == "properties");
}

TEST_CASE("lists keep order and refuse empty items") {
  const http::request req = ask("properties=b,a,b");
  parameters q{req};
  CHECK(q.list("properties") == std::vector<std::string>{"b", "a", "b"});
  CHECK_FALSE(q.fault());
  for (const char* bad : {"properties=", "properties=,", "properties=a,", "properties=,a", "properties=a,,b"})
    CHECK(fault_of(bad, names).starts_with("properties|properties is "));
}

TEST_CASE("a box in either spelling") {
  const auto read = [](std::string_view query) {
    const http::request req = ask(query);
    parameters q{req};
    const auto out = q.bbox();
    CHECK_FALSE(q.fault());
    REQUIRE(out);
    return *out;
  };
  CHECK(read("bbox=-95.5,29.5,-95,30") == geo::bbox{-95.5, 29.5, -95, 30});
  CHECK(read("max_lat=30&min_lon=-95.5&max_lon=-95&min_lat=29.5") == geo::bbox{-95.5, 29.5, -95, 30});
  CHECK(read("bbox=-180,-90,180,90") == geo::bbox{-180, -90, 180, 90});
  CHECK(read("bbox=170,-10,-170,10").crosses_antimeridian());
  CHECK(read("bbox=5%2C5%2C5%2C5") == geo::bbox{5, 5, 5, 5});
}

TEST_CASE("what is wrong with a box") {
  CHECK(fault_of("bbox=1,2,3", box) ==
        "bbox|bbox is 1,2,3; it must be four numbers: min_lon,min_lat,max_lon,max_lat (degrees)");
  CHECK(fault_of("bbox=1,2,3,4,5,6", box).starts_with("bbox|"));
  CHECK(fault_of("bbox=", box).starts_with("bbox|bbox is empty; it must be four"));
  CHECK(fault_of("bbox=0,1,0,-1", box) ==
        "bbox|min_lat is 1 and max_lat -1; min_lat must not be above max_lat");
  CHECK(fault_of("bbox=0,0,181,1", box) ==
        "bbox|bbox: max_lon is 181; it must be between -180 and 180 (degrees)");
  CHECK(fault_of("bbox=0,,1,1", box) ==
        "bbox|bbox: min_lat is empty; it must be a number between -90 and 90 (degrees)");
  CHECK(fault_of("bbox=0,nan,1,1", box).starts_with("bbox|bbox: min_lat is nan"));
  CHECK(fault_of("bbox=0,%200,1,1", box).starts_with("bbox|"));
  CHECK(fault_of("bbox=0,0,1,1&min_lat=3", box) ==
        "bbox|bbox is given together with min_lat; give the one or the other");
  CHECK(fault_of("min_lon=0&min_lat=0&max_lat=1", box) ==
        "max_lon|max_lon is missing; it must be a number between -180 and 180 (degrees)");
  CHECK(fault_of("min_lon=0&min_lat=2&max_lat=1&max_lon=1", box).starts_with("min_lat|min_lat is 2"));
  CHECK(fault_of("bbox=0,0,1,1&bbox=0,0,1,1", box) == "bbox|bbox is given twice");
}
