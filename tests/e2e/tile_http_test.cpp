// Tiles as HTTP answers: their names, encodings and versions, and what is refused.
#include <doctest/doctest.h>

#include "tests/support/soak.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight::test;
using gridlight::geo::tile;

namespace {

const http_headers gzip{{"Accept-Encoding", "gzip"}};
http_headers if_none(const std::string& etag, bool packed = false) {
  http_headers out{{"If-None-Match", etag}};
  if (packed) out.emplace_back("Accept-Encoding", "gzip");
  return out;
}

}  // namespace

TEST_CASE("a tile is the same by each of its names and encodings, and is told unchanged by either's ETag") {
  const tile_world w;
  std::mt19937_64 random{chosen_seed()};
  for (const tile_truth& l : w.layers()) {
    const std::string& name = l.of().config.name;
    CAPTURE(name);
    if (l.count() == 0) continue;
    for (const int z : {9, 15}) {
      const tile t = w.any_tile(l, z, random);
      const http_reply plain = w.get(name, t), packed = w.get(name, t, "", gzip);
      REQUIRE(plain.status == 200);
      CHECK(plain.header("Content-Type") == "application/vnd.mapbox-vector-tile");
      CHECK(plain.header("Vary").find("Accept-Encoding") != std::string::npos);
      CHECK_FALSE(plain.has("Content-Encoding"));
      CHECK(packed.header("Content-Encoding") == "gzip");
      CHECK(tile_bytes(packed) == plain.body);
      const std::string etag = plain.header("ETag"), packed_etag = packed.header("ETag");
      CHECK_FALSE(etag.empty());
      CHECK(etag != packed_etag);
      for (const char* ending : {".mvt", ".pbf", ".mvt?v=12", "?v="}) {
        const http_reply other = w.get(name, t, ending);
        CHECK(other.status == 200);
        CHECK(other.body == plain.body);
        CHECK(other.header("ETag") == etag);
        CHECK(w.get(name, t, ending, gzip).body == packed.body);
      }
      for (const std::string& known : {etag, packed_etag, "\"x\", " + etag, "W/" + etag, std::string{"*"}})
        for (const bool wants_packed : {false, true}) {
          CAPTURE(known);
          const http_reply same = w.get(name, t, "", if_none(known, wants_packed));
          CHECK(same.status == 304);
          CHECK(same.body.empty());
          CHECK(same.header("ETag") == (known == packed_etag ? packed_etag : etag));  // what the client has
        }
      CHECK(w.get(name, t, "", if_none("\"other\"")).status == 200);
      const http_reply head = http_client{w.url()}.head(tile_url(name, t));
      CHECK(head.status == 200);
      CHECK(head.body.empty());
      CHECK(head.header("ETag") == etag);
      CHECK(head.header("Content-Length") == std::to_string(plain.body.size()));
      CHECK(http_client{w.url()}.head(tile_url(name, t), if_none(etag)).status == 304);
    }
  }
}

TEST_CASE("a tile of several layers is their tiles one after another, in the order of their names") {
  const tile_world w;
  const auto seed = chosen_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int i = count_of(60, 1000); i > 0; --i) {
    const auto& all = w.layers();
    std::vector<const tile_truth*> chosen;
    for (auto n = 2 + random() % 4; n > 0; --n)
      if (const tile_truth* l = &all[random() % all.size()];
          std::find(chosen.begin(), chosen.end(), l) == chosen.end() && l->count() > 0)
        chosen.push_back(l);
    if (chosen.empty()) continue;
    const tile t = w.any_tile(*chosen[0], static_cast<int>(random() % 21), random);
    std::string names, parts;
    std::map<std::string, const tile_truth*> in_order;
    for (const tile_truth* l : chosen) {
      names += (names.empty() ? "" : ",") + l->of().config.name;
      in_order.emplace(l->of().config.name, l);
    }
    for (const auto& [name, l] : in_order)
      parts += tile_bytes(w.get(name, t));
    CAPTURE(tile_url(names, t));
    const http_reply together = w.get(names, t);
    CHECK(tile_bytes(together).size() == parts.size());
    // Rows come in the order that the plan finds them in; so features are compared, not bytes.
    const auto a = read_tile(tile_bytes(together)), b = read_tile(parts);
    REQUIRE(a.size() == b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
      CHECK(a[k].name == b[k].name);
      std::map<std::uint64_t, std::size_t> sizes;
      for (const auto& f : a[k].features)
        sizes[f.id] += f.tags.size() * 1000 + f.parts.size();
      for (const auto& f : b[k].features)
        sizes[f.id] -= f.tags.size() * 1000 + f.parts.size();
      for (const auto& [id, left] : sizes)
        CHECK(left == 0);
    }
  }
}

TEST_CASE("nothing there is 204, nowhere is 404, and junk is 400") {
  const tile_world w;
  http_client client{w.url()};
  const std::string root = "/api/postgres/tiles/";
  const auto status = [&](const std::string& path) { return client.get(root + path).status; };
  const http_reply empty = client.get(root + "transformers/14/0/0");
  CHECK(empty.status == 204);
  CHECK(empty.body.empty());
  CHECK_FALSE(empty.has("Content-Type"));
  for (const char* path : {"transformers/25/0/0", "transformers/3/8/0", "transformers/3/0/8", "nope/0/0/0",
                           "transformers,nope/0/0/0", "transformers/0/0"})
    CHECK_MESSAGE(status(path) == 404, path);
  for (const char* path :
       {"transformers/a/0/0", "transformers/1/-1/0", "transformers/1/0/0.5", "transformers/1/0/0.png",
        "transformers/1/0/0x1", "transformers/1/0/%00", "transformers/01e3/0/0", "ami/0/0/0",
        "transformers/1/0/0?properties=nope", "transformers/1/0/0?zoom=3", "transformers,transformers/0/0/0"})
    CHECK_MESSAGE(status(path) == 400, path);
  CHECK(client.post(root + "transformers/0/0/0", "{}").status == 405);
}
