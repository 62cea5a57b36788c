#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "geo/wkb.hpp"
#include "sync/load/rows.hpp"
#include "tests/sync/load_support.hpp"

using namespace gridlight;
using namespace gridlight::sync;
using test::all_rows;
using test::in_pieces;
using test::packed;

namespace {

std::string read_all(byte_source source) {
  std::string out;
  char buffer[7];
  for (;;) {
    const auto n = source.read(buffer);
    if (!n) return "failure: " + n.error().detail;
    if (*n == 0) return out;
    out.append(buffer, *n);
  }
}

}  // namespace

TEST_CASE("bytes: plain, gzip, several members, and none at all") {
  CHECK(read_all(from_memory("")) == "");
  CHECK(read_all(from_memory("x")) == "x");
  CHECK(read_all(from_memory("plain text")) == "plain text");
  const std::string one = packed("one "), two = packed("two"), none = packed("");
  CHECK(read_all(from_memory(one)) == "one ");
  CHECK(read_all(from_memory(none)) == "");
  const std::string both = one + none + two;
  CHECK(read_all(from_memory(both)) == "one two");
  CHECK(read_all(in_pieces(both, 1)) == "one two");
  const std::string padded = one + std::string(512, '\0');
  CHECK(read_all(from_memory(padded)) == "one ");
}

TEST_CASE("bytes: gzip that is cut off anywhere says so") {
  const std::string whole = packed(std::string(1000, 'a') + "end") + packed("more");
  const std::string first = packed(std::string(1000, 'a') + "end");
  for (std::size_t n = 2; n < whole.size(); ++n) {
    if (n == first.size()) continue;  // a whole member
    CAPTURE(n);
    const std::string cut = whole.substr(0, n), text = read_all(from_memory(cut));
    CHECK(text.starts_with("failure: gzip data"));
  }
  std::string damaged = first;
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  CHECK(read_all(from_memory(damaged)).find("damaged") != std::string::npos);
  CHECK(read_all(from_memory(first + "junk")).find("not gzip") != std::string::npos);
}

TEST_CASE("csv: quotes, doubled quotes, newlines in quotes, CRLF, a byte order mark, nulls") {
  const std::string text =
      "\xEF\xBB\xBF"
      "id,name,note\r\n"
      "1,\"Smith, \"\"Bob\"\"\",\r\n"
      "\r\n"
      "2,\"two\nlines\",\"\"\r\n"
      "3,\xC3\xBC\xE2\x82\xAC,last";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, text.size()}) {
    CAPTURE(piece);
    std::vector<std::string> columns;
    const auto rows = all_rows(in_pieces(text, piece), file_kind::csv, &columns);
    CHECK(columns == std::vector<std::string>{"id", "name", "note"});
    REQUIRE(rows.size() == 3);
    CHECK(rows[0] == "2: 1|Smith, \"Bob\"|NULL");
    CHECK(rows[1] == "4: 2|two\nlines|");
    CHECK(rows[2] == "6: 3|\xC3\xBC\xE2\x82\xAC|last");
  }
}

TEST_CASE("csv: rows that are wrong in themselves are named and the rest goes on") {
  const auto rows = all_rows(from_memory("a,b\n1\n1,2,3\n\"x\"y,2\n\xFF,2\n5,6\n\"open,7\n"), file_kind::csv);
  REQUIRE(rows.size() == 6);
  CHECK(rows[0] == "2: error: 1 fields where the header has 2");
  CHECK(rows[1] == "3: error: 3 fields where the header has 2");
  CHECK(rows[2] == "4: error: characters after a closing quote");
  CHECK(rows[3] == "5: error: not UTF-8");
  CHECK(rows[4] == "6: 5|6");
  CHECK(rows[5] == "7: error: a quoted field does not end before the end of the file");
}

TEST_CASE("csv: nothing, a header alone, one column, and a record of a megabyte") {
  CHECK(all_rows(from_memory(""), file_kind::csv).front().starts_with("failure: the file is empty"));
  CHECK(all_rows(from_memory("a,b"), file_kind::csv).empty());
  CHECK(all_rows(from_memory("a\n1\n\n2"), file_kind::csv) == std::vector<std::string>{"2: 1", "4: 2"});
  const std::string big = "a,b\n1," + std::string(1'000'000, 'x') + "\n2,y\n";
  const auto rows = all_rows(from_memory(big), file_kind::csv);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].size() == 1'000'000 + 5);
  CHECK(rows[1] == "3: 2|y");
}

namespace {

const std::string feature_a =
    R"({"type":"Feature","id":7,"properties":{"name":"a } \" [","n":1.5,"ok":true,"none":null},)"
    R"("geometry":{"type":"Point","coordinates":[1,2]}})";
const std::string feature_b =
    R"({"type":"Feature","geometry":null,"properties":{"other":{"x":[1,2]},"name":"b","big":18446744073709551615}})";
const std::vector<std::string> both_features = {R"(7|a } " [|1.5|true|NULL @POINT)",
                                                R"(NULL|b|NULL|NULL|NULL|{"x":[1,2]}|18446744073709551615)"};

std::vector<std::string> without_lines(std::vector<std::string> rows) {
  for (std::string& row : rows)
    row.erase(0, row.find(' ') + 1);
  return rows;
}

}  // namespace

TEST_CASE("geojson: a collection, lines, RS-separated texts and objects in a row give the same features") {
  const std::string collection =
      "\xEF\xBB\xBF{\"name\":\"features\",\"type\":\"FeatureCollection\",\n"
      "\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"urn:ogc:def:crs:OGC:1.3:CRS84\"}},"
      "\"features\":[\n" +
      feature_a + " ,\n" + feature_b + "\n],\"more\":[{\"type\":\"no\"}]}\n";
  const std::string lines = feature_a + "\r\n\n" + feature_b;
  const std::string sequence = "\x1e" + feature_a + "\n\x1e" + feature_b + "\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{13}, std::size_t{100'000}}) {
    CAPTURE(piece);
    CHECK(without_lines(all_rows(in_pieces(collection, piece), file_kind::geojson)) == both_features);
    CHECK(without_lines(all_rows(in_pieces(lines, piece), file_kind::geojson_lines)) == both_features);
    CHECK(without_lines(all_rows(in_pieces(sequence, piece), file_kind::geojson_lines)) == both_features);
    CHECK(without_lines(all_rows(in_pieces(lines, piece), file_kind::geojson)) == both_features);
    for (const std::string& text : {collection, lines, sequence})
      CHECK(without_lines(all_rows(in_pieces(text, piece), std::nullopt)) == both_features);
  }
  CHECK(all_rows(from_memory(lines), file_kind::geojson_lines)[1].starts_with("3: "));
  CHECK(all_rows(from_memory(collection), file_kind::geojson)[1].starts_with("4: "));
}

TEST_CASE("geojson: empty collections, empty files, and what is none") {
  CHECK(all_rows(from_memory(R"({"type":"FeatureCollection","features":[]})"), file_kind::geojson).empty());
  CHECK(all_rows(from_memory(""), file_kind::geojson).empty());
  CHECK(all_rows(from_memory(" \n "), file_kind::geojson_lines).empty());
  const auto first = [](std::string_view text, file_kind kind) {
    return all_rows(from_memory(text), kind).at(0);
  };
  CHECK(first("[1]", file_kind::geojson).starts_with("failure: line 1: neither a Feature"));
  CHECK(first(R"({"features":[1]})", file_kind::geojson).find("not an object") != std::string::npos);
  CHECK(first(R"({"features":[{"type":)", file_kind::geojson).find("the file ends inside") !=
        std::string::npos);
  CHECK(first(R"({"features":[)", file_kind::geojson).find("the file ends inside") != std::string::npos);
  CHECK(first(R"({"type":"Point","coordinates":[1,2]})", file_kind::geojson) ==
        "1: error: not a GeoJSON Feature");
  CHECK(first(R"({"crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::2229"}},"features":[]})",
              file_kind::geojson)
            .find("EPSG::2229") != std::string::npos);
}

TEST_CASE("geojson lines: a broken line is one bad row") {
  const auto rows = all_rows(from_memory(feature_a + "\n{\"type\":\"Feature\n" + feature_a + "\n"),
                             file_kind::geojson_lines);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].starts_with("2: error: not JSON"));
  CHECK(rows[2].starts_with("3: 7|"));
  const auto bad = all_rows(
      from_memory(R"({"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[200,2]}})"),
      file_kind::geojson_lines);
  CHECK(bad.at(0).starts_with("1: error: geometry: "));
}

TEST_CASE("names of files: kind and base name") {
  CHECK(kind_of_name("a.csv") == file_kind::csv);
  CHECK(kind_of_name("dir/A.CSV.GZ") == file_kind::csv);
  CHECK(kind_of_name("a.geojson") == file_kind::geojson);
  CHECK(kind_of_name("a.json.gz") == file_kind::geojson);
  CHECK(kind_of_name("a.geojsonl.gz") == file_kind::geojson_lines);
  CHECK(kind_of_name("a.geojson.seq") == file_kind::geojson_lines);
  CHECK(kind_of_name("README.md") == std::nullopt);
  CHECK(kind_of_name("-") == std::nullopt);
  CHECK(base_name("/x/y/grid_power_lines.csv.gz") == "grid_power_lines");
  CHECK(base_name("roads.geojson.seq") == "roads");
  CHECK(base_name("v1.2.csv") == "v1.2");
}

TEST_CASE("a byte order mark counts at the very start only, however the bytes arrive") {
  using sync::file_kind;
  for (const std::string text :
       {"\n\xEF\xBB\xBF", "\xEF\xBB\xBF\n", "\n\n\xEF\xBB\xBF{}\n", "\xEF\xBB\xBF", "\x1e"}) {
    CAPTURE(text);
    for (const file_kind kind : {file_kind::geojson, file_kind::geojson_lines}) {
      const auto whole = test::all_rows(sync::from_memory(text), kind);
      for (std::size_t size = 1; size <= text.size(); ++size)
        CHECK(test::all_rows(test::in_pieces(text, size), kind) == whole);
    }
  }
}
