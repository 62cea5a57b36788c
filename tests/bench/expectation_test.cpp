#include "bench/load/expectation.hpp"

#include <doctest/doctest.h>

#include "server/http/compress.hpp"

using namespace gridlight::bench;

namespace {

std::string fault(std::string_view body, shape form, int status = 200, std::string_view encoding = {}) {
  static checker check;
  answer a;
  a.status = status;
  a.type = "application/json";
  a.encoding = encoding;
  a.body = body;
  expectation want;
  want.form = form;
  want.min_bytes = 0;
  want.statuses = {200, 204, 304};
  return check.fault(a, want);
}

// A tile of one layer "a" of version 2 and extent 4096 without features.
const std::string tile{"\x1a\x08\x0a\x01\x61\x28\x80\x20\x78\x02", 10};

}  // namespace

TEST_CASE("status, type and length") {
  checker check;
  answer a{.status = 200,
           .type = "application/geo+json",
           .encoding = {},
           .etag = {},
           .server_timing = {},
           .body = "{}"};
  expectation want;
  CHECK(check.fault(a, want).empty());
  a.status = 503;
  CHECK(check.fault(a, want) == "status 503");
  a.status = 200;
  want.type = "text/html";
  CHECK(check.fault(a, want) == "content type application/geo+json");
  want.type = "application/geo";
  want.min_bytes = 3;
  CHECK(check.fault(a, want) == "body: under 3 bytes");
  want.min_bytes = 0;
  want.max_bytes = 1;
  CHECK(check.fault(a, want) == "body: over 1 bytes");
}

TEST_CASE("bodies where none belongs") {
  CHECK(fault("", shape::json, 204).empty());
  CHECK(fault("", shape::json, 304).empty());
  CHECK(fault("x", shape::json, 304) == "body: one where none belongs");
}

TEST_CASE("JSON") {
  CHECK(fault("[1,2]", shape::json).empty());
  CHECK(fault("[1,2", shape::json) == "body: no JSON");
  CHECK(fault("", shape::json) == "body: no JSON");
  CHECK(fault("[{}]", shape::array).empty());
  CHECK(fault("[]", shape::array) == "body: an empty array");
  CHECK(fault("{}", shape::array) == "body: no JSON array");
}

TEST_CASE("features are as many as the answer says") {
  CHECK(fault(R"({"type":"FeatureCollection","numberReturned":0,"features":[]})", shape::features).empty());
  CHECK(fault(R"({"numberReturned":2,"features":[{},{}]})", shape::features).empty());
  CHECK(fault(R"({"numberReturned":3,"features":[{},{}]})", shape::features) ==
        "body: numberReturned is not the number of features");
  CHECK(fault(R"({"features":[]})", shape::features) == "body: no numberReturned");
  CHECK(fault("[]", shape::features) == "body: no features");
}

TEST_CASE("columns are all of one length") {
  CHECK(fault(R"({"length":2,"ids":[1,2],"positions":[1,2,3,4],"columns":{"a":[1,2],"b":["x",null]}})",
              shape::columns)
            .empty());
  CHECK(fault(R"({"length":2,"ids":[1,2],"columns":{"a":[1]}})", shape::columns) ==
        "body: columns of different lengths");
  CHECK(fault(R"({"ids":[1,2]})", shape::columns) == "body: no length, ids or columns");
}

TEST_CASE("vector tiles") {
  CHECK(fault(tile, shape::tile).empty());
  CHECK(fault(tile + tile, shape::tile).empty());
  CHECK(fault("", shape::tile).empty());
  CHECK(!fault(tile.substr(0, 9), shape::tile).empty());
  CHECK(fault("<html>", shape::tile) == "body: no vector tile");
  CHECK(fault(std::string{"\x1a\x02\x78\x02", 4}, shape::tile) == "body: a layer that is none");  // no name
  CHECK(fault(std::string(12, '\xff'), shape::tile) == "body: no vector tile");
}

TEST_CASE("gzip is taken off first") {
  std::string packed;
  gridlight::http::gzip_packer pack{6};
  const std::string text = "[" + std::string(5000, ' ') + "1]";
  REQUIRE(pack.pack(text, packed));
  CHECK(fault(packed, shape::array, 200, "gzip").empty());
  CHECK(fault(packed.substr(0, packed.size() - 9), shape::array, 200, "gzip") == "body: broken gzip");
  CHECK(fault(text, shape::array, 200, "gzip") == "body: broken gzip");
  CHECK(fault(text, shape::array, 200, "br") == "content encoding br");
  CHECK(fault(text, shape::array, 200, "identity").empty());
}

TEST_CASE("an unknown shape names those there are") {
  CHECK(shape_named("tile") == shape::tile);
  try {
    shape_named("tiles");
    FAIL("accepted");
  } catch (const usage_error& e) {
    CHECK(std::string{e.what()} ==
          "shape is tiles; it must be one of any, json, array, features, columns, tile");
  }
}
