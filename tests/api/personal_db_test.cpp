// What a caller without scope personal can learn of places and columns that are personal: nothing.
#include <cmath>

#include "tests/api/grid_bench.hpp"
#include "tests/support/column_reader.hpp"

using namespace gridlight;
using test::grid_bench;

namespace {

// Customers round transformers, many at one, some at none and some at one that is unknown.
constexpr std::string_view people = R"(
SELECT setseed(0.5);
INSERT INTO transformers (transformer_id, latitude, longitude, rated_kva)
  SELECT 'T' || n, 29.76 + (random() - 0.5) * 0.3, -95.37 + (random() - 0.5) * 0.4, 50 FROM generate_series(1, 150) n;
INSERT INTO customers_spatial (customer_id, full_name, customer_segment, service_address, city, county, meter_id, transformer_id, latitude, longitude)
  SELECT 'C' || n, 'Name' || n, 'segment', n || ' Street', 'City', 'County', 'M' || n,
         CASE WHEN n % 50 = 0 THEN NULL WHEN n % 51 = 0 THEN 'T0' WHEN n % 3 = 0 THEN 'T1' ELSE 'T' || (1 + floor(random() * 150)) END,
         29.76 + (random() - 0.5) * 0.3, -95.37 + (random() - 0.5) * 0.4 FROM generate_series(1, 1500) n;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE gridlight.layer_state SET version = 3 WHERE layer = 'customers';
UPDATE gridlight.layer_state SET version = 17 WHERE layer = 'transformers';
ANALYZE;
)";

constexpr std::string_view base = "/api/postgres/layers/customers";
const identity::caller personal{"dispatcher", "",
                                [] {
                                  identity::scopes s{identity::scope::read};
                                  s.add(identity::scope::personal);
                                  return s;
                                }(),
                                false};

struct people_bench : grid_bench {
  people_bench() {
    db.run(people);
    reload();
  }
};

struct question {
  std::string target, body;
  std::string condition, order;  // in SQL, of a row with place g and key customer_id
  std::int64_t limit;
};

class asker {
 public:
  explicit asker(unsigned seed) : random_(seed) {}

  question next() {
    const double lon = between(-95.6, -95.14), lat = between(29.58, 29.94);
    const std::string at = "ST_SetSRID(ST_MakePoint(" + text(lon) + ", " + text(lat) + "), 4326)::geography";
    const std::string distance = "ST_Distance(g::geography, " + at + ")";
    const std::int64_t limit = pick({1, 7, 100, 2000});
    const std::string end = "limit=" + std::to_string(limit);
    const std::string place = "?lon=" + text(lon) + "&lat=" + text(lat) + "&" + end;
    const double w = between(0.001, 0.2);
    const std::string edges = text(lon) + "," + text(lat) + "," + text(lon + w) + "," + text(lat + w);
    const std::string box = "ST_MakeEnvelope(" + edges + ", 4326)";
    switch (std::uniform_int_distribution<int>{0, 4}(random_)) {
      case 0: {
        const std::string radius = text(static_cast<double>(pick({0, 300, 5'000, 50'000})));
        return {"/within" + place + "&radius_m=" + radius, "",
                "ST_DWithin(g::geography, " + at + ", " + radius + ")", distance + ", customer_id", limit};
      }
      case 1:
        return {"/nearest" + place, "", "g IS NOT NULL", distance + ", customer_id", limit};
      case 2:
        return {"/features?" + end + "&count=true&bbox=" + edges, "", "ST_Intersects(g, " + box + ")",
                "customer_id", limit};
      case 3:
        return {"/features?" + end, "", "true", "customer_id", limit};
      default: {
        const std::string ring = "[[" + text(lon) + "," + text(lat) + "],[" + text(lon + w) + "," +
                                 text(lat) + "],[" + text(lon) + "," + text(lat + w) + "],[" + text(lon) +
                                 "," + text(lat) + "]]";
        const std::string shape = R"({"type":"Polygon","coordinates":[)" + ring + "]}";
        return {"/intersects?" + end, shape,
                "ST_Intersects(g, ST_SetSRID(ST_GeomFromGeoJSON('" + shape + "'), 4326))", "customer_id",
                limit};
      }
    }
  }

 private:
  double between(double a, double b) { return std::uniform_real_distribution<double>{a, b}(random_); }
  std::int64_t pick(std::initializer_list<std::int64_t> all) {
    return *(all.begin() + std::uniform_int_distribution<std::ptrdiff_t>{
                               0, static_cast<std::ptrdiff_t>(all.size()) - 1}(random_));
  }
  static std::string text(double v) {
    char out[32];
    std::snprintf(out, sizeof out, "%.9g", v);
    return out;
  }
  std::mt19937 random_;
};

// "C7 -95.3700000 29.7600000", or "C7 null".
std::vector<std::string> answered(const simdjson::dom::element& page) {
  std::vector<std::string> out;
  const simdjson::dom::array features = page["features"].get_array().value();
  for (const auto feature : features) {
    std::string line{feature["id"].get_string().value()};
    double x = 0, y = 0;
    if (feature["geometry"].is_null()) {
      line += " null";
    } else {
      REQUIRE(feature["geometry"]["coordinates"].at(0).get(x) == simdjson::SUCCESS);
      REQUIRE(feature["geometry"]["coordinates"].at(1).get(y) == simdjson::SUCCESS);
      char numbers[64];
      std::snprintf(numbers, sizeof numbers, " %.7f %.7f", x, y);
      line += numbers;
    }
    out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> truth(people_bench& b, const question& q, bool own) {
  const std::string rows = own ? "SELECT customer_id, geom AS g FROM customers_spatial"
                               : "SELECT c.customer_id, t.geom AS g FROM customers_spatial c LEFT JOIN "
                                 "transformers t USING (transformer_id)";
  std::vector<std::string> out;
  for (const auto& row : b.rows("SELECT customer_id, coalesce(to_char(ST_X(g), 'FM990.0000000') || ' ' || "
                                "to_char(ST_Y(g), 'FM990.0000000'), 'null') FROM (" +
                                rows + ") r WHERE " + q.condition + " ORDER BY " + q.order + " LIMIT " +
                                std::to_string(q.limit)))
    out.push_back(row[0] + " " + row[1]);
  return out;
}

simdjson::dom::element ask(people_bench& b, const question& q) {
  return b.json(std::string{base} + q.target, 200, q.body);
}

}  // namespace

TEST_CASE(
    "random questions answer as PostGIS does on the transformers' places, or with scope personal on the "
    "own") {
  people_bench b;
  asker any{test::seed()};
  const int count = test::questions(120, 5000);
  int rows = 0;
  for (int i = 0; i < count; ++i) {
    const question q = any.next();
    CAPTURE(q.target);
    CAPTURE(q.body);
    for (const bool own : {false, true}) {
      CAPTURE(own);
      b.who = own ? personal : identity::caller{};
      const auto page = ask(b, q);
      const auto got = answered(page), wanted = truth(b, q, own);
      CHECK(got == wanted);
      rows += static_cast<int>(got.size());
      std::int64_t matched = 0;
      if (page["numberMatched"].get(matched) == simdjson::SUCCESS &&
          static_cast<std::int64_t>(got.size()) < q.limit)
        CHECK(matched == static_cast<std::int64_t>(got.size()));
      CHECK((b.last.body.find("Name") != std::string::npos) == (own && !got.empty()));
      CHECK(b.req.audit.saw_personal == own);
      CHECK(b.req.audit.count == static_cast<std::int64_t>(got.size()));
      if (!q.body.empty()) continue;  // intersects has GeoJSON alone
      const auto features = test::column_reader::minified_items(simdjson::minify(page["features"].value()));
      b.json(std::string{base} + q.target + (q.target.find('?') == q.target.npos ? "?" : "&") + "f=columns",
             200);
      CHECK(test::column_reader{b.last.body}.features() == features);
      CHECK(b.last.etag.ends_with("p") == own);
      CHECK((b.last.body.find("full_name") != std::string::npos) == own);
      CHECK(b.req.audit.count == static_cast<std::int64_t>(features.size()));
    }
  }
  CHECK(rows > count);
}

TEST_CASE("no answer to an anonymous caller changes when customers move or are renamed") {
  people_bench b;
  asker any{test::seed() + 1};
  std::vector<question> all;
  std::vector<std::string> before;
  for (int i = 0; i < test::questions(80, 2000); ++i) {
    all.push_back(any.next());
    ask(b, all.back());
    before.push_back(b.last.etag + b.last.body);
  }
  for (const char* target : {"", "/features/C1", "/features/C50"}) {
    all.push_back({target, "", "", "", 0});
    ask(b, all.back());
    before.push_back(b.last.etag + b.last.body);
  }
  // Without the triggers: a version tells that something changed, and must tell no more.
  b.db.run(
      "SET LOCAL session_replication_role = replica; "
      "UPDATE customers_spatial SET latitude = 29.5 + random() * 0.5, longitude = -95.6 + random() * 0.5, "
      "full_name = 'Eve', service_address = 'elsewhere', city = 'X', county = 'Y', customer_segment = 'Z', "
      "meter_id = 'elsewhere'; "
      "UPDATE gridlight.layer_state SET bounds = ST_MakeEnvelope(1, 2, 3, 4, 4326) WHERE layer = "
      "'customers'; "
      "ANALYZE");
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].target);
    ask(b, all[i]);
    CHECK(b.last.etag + b.last.body == before[i]);
  }
}

// Meters are public, each with its exact place: a customer's meter would tell where the customer is.
TEST_CASE("nothing that anybody gets links a customer to a meter") {
  people_bench b;
  b.db.run(
      "INSERT INTO meter_locations_enhanced (meter_id, transformer_id, latitude, longitude) SELECT meter_id, "
      "transformer_id, latitude, longitude FROM customers_spatial");
  b.json("/api/postgres/layers/meters/features?limit=1");
  CHECK(b.last.body.find("\"coordinates\"") != std::string::npos);
  b.json(std::string{base} + "/features?limit=2000");
  CHECK(b.last.body.find("\"M1") == std::string::npos);
  CHECK(b.last.body.find("meter_id") == std::string::npos);
  CHECK(b.get(std::string{base} + "/features?limit=1&properties=meter_id").has_error());
  b.json(base);
  CHECK(b.last.body.find("meter_id") == std::string::npos);
  b.who = personal;
  b.json(std::string{base} + "/features/C1");
  CHECK(b.last.body.find("\"meter_id\":\"M1\"") != std::string::npos);
}

TEST_CASE("personal columns cannot be asked for, and are not in the layer's description") {
  people_bench b;
  const std::string names = "?limit=1&properties=full_name";
  const auto refused = b.get(std::string{base} + "/features" + names);
  REQUIRE(refused.has_error());
  CHECK(refused.error().parameter == "properties");
  CHECK(refused.error().detail.find("service_address") == std::string::npos);
  b.json(base);
  CHECK(b.last.body.find("full_name") == std::string::npos);

  b.who = personal;
  b.json(std::string{base} + "/features" + names);
  CHECK(b.last.body.find("\"full_name\":\"Name1\"") != std::string::npos);
  b.json(base);
  CHECK(b.last.body.find("full_name") != std::string::npos);
  b.json("/api/postgres/layers");
  CHECK(b.last.body.find("full_name") != std::string::npos);
  b.json("/api/postgres/layers/assets/features?limit=1&properties=customer_name");
}

TEST_CASE(
    "an answer names the versions of both layers; scopes have ETags of their own, and no shared cache") {
  people_bench b;
  const std::string target = std::string{base} + "/nearest?lon=-95.37&lat=29.76&limit=3";
  b.json(target);
  const std::string open = b.last.etag;
  CHECK(b.header("Gridlight-Version") == "customers=3, transformers=17");
  CHECK(b.last.cache_control == "no-cache");
  CHECK(b.req.audit.hide_values);
  b.db.run("UPDATE gridlight.layer_state SET version = 18 WHERE layer = 'transformers'");
  b.json(target);
  CHECK(b.last.etag != open);
  const std::string now = b.last.etag;
  b.who = personal;
  b.json(target);
  CHECK(b.header("Gridlight-Version") == "customers=3");
  CHECK(b.last.cache_control == "private, no-cache");
  CHECK(b.last.etag != now);
  CHECK(b.last.etag != open);
  CHECK(b.req.audit.layer == "customers");
  // Versions that are unknown: the bytes make the ETag, and the scope still tells them apart.
  b.db.run("DELETE FROM gridlight.layer_state");
  b.json("/api/postgres/layers/assets/features?limit=1");
  const std::string bytes = b.last.etag;
  b.who = {};
  b.json("/api/postgres/layers/assets/features?limit=1");
  CHECK(b.last.etag != bytes);
  CHECK(b.last.cache_control == "no-cache");
  // A layer without personal data is the same for all.
  b.json("/api/postgres/layers/transformers/features?limit=1");
  const std::string same = b.last.etag;
  CHECK_FALSE(b.req.audit.hide_values);
  b.who = personal;
  b.json("/api/postgres/layers/transformers/features?limit=1");
  CHECK(b.last.etag == same);
  CHECK_FALSE(b.req.audit.saw_personal);
}

TEST_CASE("pages follow each other, by a cursor of either scope") {
  people_bench b;
  for (const bool own : {false, true}) {
    b.who = own ? personal : identity::caller{};
    std::string next = std::string{base} + "/features?limit=400&bbox=-95.6,29.6,-95.2,29.9", ids;
    std::int64_t got = 0;
    while (!next.empty()) {
      const auto page = b.json(next);
      got += page["numberReturned"].get_int64().value();
      next.clear();
      const simdjson::dom::array links = page["links"].get_array().value();
      for (const auto link : links)
        next = std::string{link["href"].get_string().value()};
    }
    const std::string of =
        own ? "customers_spatial r" : "customers_spatial c JOIN transformers r USING (transformer_id)";
    CHECK(std::to_string(got) ==
          b.rows("SELECT count(*) FROM " + of +
                 " WHERE ST_Intersects(r.geom, ST_MakeEnvelope(-95.6,29.6,-95.2,29.9,4326))")
              .at(0)[0]);
  }
}

TEST_CASE(
    "hidden places with nothing that stands in for them: features without a place, no question about one") {
  people_bench b;
  for (layer_config& l : b.settings.layers)
    if (l.name == "customers") l.snap_layer = l.snap_by = "";
  b.reload();
  for (const char* target : {"/within?lon=-95.3&lat=29.7&radius_m=10", "/nearest?lon=-95.3&lat=29.7",
                             "/features?bbox=-96,29,-95,30"}) {
    CAPTURE(target);
    const auto refused = b.get(std::string{base} + target);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::forbidden);
  }
  const auto posted =
      b.get(std::string{base} + "/intersects", R"({"type":"Point","coordinates":[-95.3,29.7]})");
  REQUIRE(posted.has_error());
  CHECK(posted.error().code == errc::forbidden);
  const auto page = b.json(std::string{base} + "/features?limit=2000");
  CHECK(page["numberReturned"].get_int64().value() == 1500);
  CHECK(b.last.body.find("coordinates") == std::string::npos);
  CHECK(b.json(std::string{base} + "/features/C1")["geometry"].is_null());
  CHECK(b.json(base)["bounds"].is_null());
  b.who = personal;
  CHECK(b.json(std::string{base} + "/within?lon=-95.37&lat=29.76&radius_m=50000&limit=2000")["numberReturned"]
            .get_int64()
            .value() == 1500);
}

TEST_CASE("numbers that a hidden place is made of are hidden with it") {
  people_bench b;
  for (layer_config& l : b.settings.layers) {
    if (l.name != "customers") continue;
    l.properties.clear();  // all columns, longitude and latitude too
    l.personal = {"geom"};
  }
  b.reload();
  b.json(std::string{base} + "/features?limit=3");
  CHECK(b.last.body.find("full_name") != std::string::npos);
  CHECK(b.last.body.find("itude") == std::string::npos);
  b.who = personal;
  b.json(std::string{base} + "/features?limit=3");
  CHECK(b.last.body.find("latitude") != std::string::npos);
}

TEST_CASE("a layer to snap to that does not fit makes the layer unusable, with the reason") {
  const auto reason = [](auto change) {
    people_bench b;
    for (layer_config& l : b.settings.layers)
      if (l.name == "customers") change(l);
    b.reload();
    const auto all = b.layers.get();
    for (const auto& broken : all->broken())
      if (broken.name == "customers") return broken.reason;
    return std::string{"fits"};
  };
  CHECK(reason([](layer_config&) {}) == "fits");
  CHECK(reason([](layer_config& l) { l.snap_by = "nowhere"; }).find("no column nowhere") !=
        std::string::npos);
  CHECK(reason([](layer_config& l) { l.snap_by = "latitude"; }).find("is no text") != std::string::npos);
  CHECK(reason([](layer_config& l) { l.snap_layer = "topology"; }).find("one key column") !=
        std::string::npos);
  CHECK(reason([](layer_config& l) { l.snap_layer = "ami"; }).find("one key column") != std::string::npos);
  CHECK(reason([](layer_config& l) { l.snap_layer = "nothing"; }).find("is not served") != std::string::npos);
}
