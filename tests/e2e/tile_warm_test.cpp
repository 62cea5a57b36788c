// `gridlight tiles warm` against a server.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "tests/support/certificate.hpp"
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
  CHECK(warm("--layers transformers --url ftp://localhost/").status == 2);
  CHECK(warm("--layers transformers --url nonsense").status == 2);
  const warmed nobody = warm("--layers transformers --url http://127.0.0.1:1");
  CHECK(nobody.status == 1);
  CHECK(nobody.said.find("cannot be reached") != std::string::npos);
}

TEST_CASE("warm: a server that accepts and never answers is given up in time") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  const auto start = std::chrono::steady_clock::now();
  const warmed hung = warm("--layers transformers --timeout 1 --url http://127.0.0.1:" +
                           std::to_string(silent.local_endpoint().port()));
  CHECK(hung.status == 1);
  CHECK_MESSAGE(hung.said.find("no answer within 1 s") != std::string::npos, hung.said);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{10});
}

TEST_CASE("warm: an address of IPv6, and https by certificates that are trusted") {
  const temp_folder folder;
  const std::string certificate = folder.path() / "server.pem", key = folder.path() / "server.key";
  make_certificate(certificate, key, "first");
  const temp_db db;
  const auto migrated = run_gridlight("--database-url '" + db.uri() + "' migrate 2>&1");
  REQUIRE_MESSAGE(migrated.status == 0, migrated.output);
  db.run("INSERT INTO substations (substation_id, latitude, longitude) VALUES ('A', 29.7, -95.3)");
  const auto serve = [&](std::map<std::string, std::string> more) {
    more["GRIDLIGHT_DATABASE_URL"] = db.uri();
    return std::make_unique<server_process>(
        server_process::options{.environment = std::move(more), .allowed = {""}});
  };
  const std::string what = " tiles warm --layers substations --zoom 0-5 --url ";
  {
    const auto six = serve({{"GRIDLIGHT_HTTP_ADDRESS", "::1"}});
    REQUIRE(six->url().starts_with("http://[::1]:"));
    const auto done = run_gridlight(what + six->url() + " 2>&1");
    CHECK_MESSAGE(done.status == 0, done.output);
    CHECK(done.output.find(" 6 tiles of zooms 0 to 5 hold something") != std::string::npos);
  }
  const auto tls = serve({{"GRIDLIGHT_HTTP_TLS_CERTIFICATE", certificate}, {"GRIDLIGHT_HTTP_TLS_KEY", key}});
  const auto stranger = run_gridlight(what + tls->url() + " 2>&1");
  CHECK(stranger.status == 1);
  CHECK_MESSAGE(stranger.output.find("certificate verify failed") != std::string::npos, stranger.output);
  const std::string binary = std::getenv("GRIDLIGHT_BINARY");
  const auto trusted = run_command("SSL_CERT_FILE='" + certificate + "' timeout 60 '" + binary + "'" + what +
                                   tls->url() + " 2>&1");
  CHECK_MESSAGE(trusted.status == 0, trusted.output);
  CHECK(trusted.output.find(" 6 tiles of zooms 0 to 5 hold something") != std::string::npos);
  // For another host it is none.
  std::string other = tls->url();
  other.replace(other.find("127.0.0.1"), 9, "127.0.0.2");
  CHECK(
      run_command("SSL_CERT_FILE='" + certificate + "' timeout 60 '" + binary + "'" + what + other + " 2>&1")
          .status == 1);
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
