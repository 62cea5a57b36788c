// `gridlight tiles warm` against a server.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight::test;

namespace {

struct warmed {
  int status = 0;
  std::string said;
  double full = 0, empty = 0, failed = 0;
};

warmed warm(const std::string& options) {
  const auto done = run_gridlight("tiles warm " + options + " 2>&1");
  warmed out{done.status, done.output};
  // "NAMES: 12 tiles of zooms 0 to 9 hold something (0.1 MB packed), 3 are empty, 0 failed"
  const auto number_before = [&](const std::string& text) {
    const auto end = done.output.find(text);
    if (end == done.output.npos) return -1.0;
    const auto begin = done.output.find_last_of(" \n", end - 1);
    return std::stod(done.output.substr(begin + 1, end - begin - 1));
  };
  out.full = number_before(" tiles of zooms");
  out.empty = number_before(" are empty");
  out.failed = number_before(" failed");
  return out;
}

double how(const tile_world& w, const std::string& what) {
  return w.metric("gridlight_tile_requests_total{how=\"" + what + "\"}");
}

}  // namespace

TEST_CASE("a warmed server has every tile that there is, and a second time asks the database for none") {
  const tile_world w;
  const std::string options = "--url " + w.url() + " --layers substations,transformers,topology ";
  const warmed first = warm(options + "--zoom 0-12");
  CAPTURE(first.said);
  REQUIRE(first.status == 0);
  CHECK(first.failed == 0);
  CHECK(first.full > 13);
  const double misses = how(w, "miss"), hits = how(w, "hit");
  CHECK(misses == first.full + first.empty);
  const warmed second = warm(options + "--zoom 0-12 --connections 8");
  CAPTURE(second.said);
  CHECK(second.status == 0);
  CHECK(second.full == first.full);
  CHECK(second.empty == first.empty);
  CHECK(how(w, "miss") == misses);
  CHECK(how(w, "hit") - hits == first.full + first.empty);
  // The number of a layer's tiles at a zoom that hold something is that of the table they are read from.
  const warmed one = warm("--url " + w.url() + "/ --layers transformers --zoom 9");
  CHECK(one.full == std::stod(w.db().value(
                        "SELECT count(DISTINCT (tx, ty)) FROM gridlight_tiles.transformers WHERE zoom = 9 "
                        "AND (SELECT count(*) FROM gridlight_tiles.transformers) > 0")));
}

TEST_CASE("warm: the box, properties, and what is refused") {
  const tile_world w;
  const std::string to = "--url " + w.url() + " --layers transformers ";
  const warmed box = warm(to + "--zoom 14 --bbox=-95.37,29.76,-95.36,29.77");
  CAPTURE(box.said);
  CHECK(box.status == 0);
  CHECK(box.full + box.empty >= 1);
  CHECK(box.full + box.empty <= 4);
  CHECK(warm(to + "--zoom 0-3 --properties rated_kva").status == 0);
  CHECK(warm(to + "--zoom 24-24").status == 0);  // beyond the layer's zooms: nothing to do
  for (const char* bad : {"--zoom x", "--zoom 5-3", "--zoom 0-99", "--zoom -1", "--bbox 1,2,3",
                          "--bbox=1,2,x,4", "--bbox=3,1,2,4", "--bbox=-181,1,2,4",
                          "--zoom 0-20 --bbox=-96,29,-95,30", "--connections 0", "--connections 65"}) {
    CAPTURE(bad);
    const warmed refused = warm(to + bad);
    CAPTURE(refused.said);
    CHECK(refused.status != 0);
    CHECK(refused.full == -1);
  }
  CHECK(warm("--url " + w.url() + " --layers nope").said.find("there is no layer") != std::string::npos);
  CHECK(warm("--url " + w.url() + " --layers nope").status == 2);
  CHECK(warm(to + "--properties nope --zoom 0").status == 1);
  CHECK(warm("--layers transformers --url https://localhost/").status == 2);
  CHECK(warm("--layers transformers --url nonsense").status == 2);
  const warmed nobody = warm("--layers transformers --url http://127.0.0.1:1");
  CHECK(nobody.status == 1);
  CHECK(nobody.said.find("cannot be reached") != std::string::npos);
}

TEST_CASE("warm with a token, where the server wants one") {
  const temp_folder folder;
  const auto token = run_gridlight("token warmer 2>'" + (folder.path() / "token").string() + "'");
  REQUIRE_MESSAGE(token.status == 0, token.output);
  std::ofstream{folder.path() / "tokens.yaml"} << token.output;
  std::string secret;
  std::ifstream{folder.path() / "token"} >> secret;
  CAPTURE(token.output);
  const tile_world w{0,
                     {"--set", "auth.tokens_file=" + (folder.path() / "tokens.yaml").string(), "--set",
                      "auth.anonymous=none"}};
  const std::string to = "--url " + w.url() + " --layers transformers --zoom 0-3";
  const warmed without = warm(to);
  CHECK(without.status == 2);
  CHECK(without.said.find("401") != std::string::npos);
  const warmed with = warm(to + " --token '" + secret + "'");
  CHECK_MESSAGE(with.status == 0, with.said);
}
