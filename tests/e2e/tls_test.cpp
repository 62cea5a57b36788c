// TLS by the real binary, asked by curl and openssl, which are not ours.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

#include "tests/support/certificate.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/text.hpp"

using namespace gridlight::test;

namespace {

struct tls_bench {
  tls_bench() { make_certificate(certificate, key, "first"); }

  server_process::options options() const {
    return {.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()},
                            {"GRIDLIGHT_HTTP_TLS_CERTIFICATE", certificate},
                            {"GRIDLIGHT_HTTP_TLS_KEY", key},
                            {"GRIDLIGHT_LOG_LEVEL", "debug"}},
            .allowed = {""}};
  }
  // What curl prints; it knows the certificate that `trusted` holds and no other.
  command_outcome curl(const std::string& arguments, const std::string& trusted = {}) const {
    return run_command("curl -sS --max-time 20 --cacert '" + (trusted.empty() ? certificate : trusted) +
                       "' " + arguments + " 2>&1");
  }
  temp_db db;
  temp_folder folder;
  std::string certificate = folder.path() / "server.pem", key = folder.path() / "server.key";
};

std::string port_of(const server_process& server) {
  return server.url().substr(server.url().rfind(':') + 1);
}

}  // namespace

TEST_CASE("TLS 1.2 and 1.3, HTTP/1.1 by ALPN, nothing older and nothing plain") {
  const tls_bench b;
  server_process server{b.options()};
  CHECK(server.url().starts_with("https://127.0.0.1:"));
  const std::string live = server.url() + "/live";
  for (const char* version : {"--tlsv1.2 --tls-max 1.2", "--tlsv1.3", "--http1.1", "--no-alpn"}) {
    CAPTURE(version);
    const auto reply = b.curl(std::string{version} + " -w '|%{http_code}|%{http_version}' " + live);
    CHECK(reply.status == 0);
    CHECK(reply.output == "{\"status\":\"live\"}|200|1.1");
  }
  CHECK(contains(b.curl("-v " + live).output, "ALPN: server accepted http/1.1"));
  CHECK(b.curl("--tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + live).status == 35);
  const auto only_h2 =
      run_command("openssl s_client -alpn h2 -connect 127.0.0.1:" + port_of(server) + " </dev/null 2>&1");
  CHECK(contains(only_h2.output, "no application protocol"));

  http_client plain{static_cast<std::uint16_t>(std::stoi(port_of(server)))};
  plain.connect();
  plain.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_FALSE(contains(plain.receive_until_close(), "HTTP/1.1"));
  CHECK(server.wait_for_log("TLS handshake with 127.0.0.1: "));
  CHECK(b.curl(live).output == "{\"status\":\"live\"}");
}

TEST_CASE("large answers, bodies, many requests on one connection: as over plain TCP") {
  const tls_bench b;
  server_process server{b.options()};
  server_process plain{{.environment = {{"GRIDLIGHT_DATABASE_URL", b.db.uri()}}, .allowed = {""}}};
  std::string sealed, open;
  for (const char* path : {"/openapi.json", "/docs", "/docs/docs.js", "/live", "/nothing", "/openapi.json"}) {
    sealed += " '" + server.url() + path + "'";
    open += " '" + plain.url() + path + "'";
  }
  // The request ids that errors show are the caller's.
  const std::string id = "-H 'X-Request-ID: same' -w '%{num_connects}'";
  const auto one = b.curl(id + sealed), other = b.curl(id + open);
  CHECK(one.status == 0);
  CHECK(one.output.size() > 30'000);
  CHECK(one.output == other.output);
  CHECK(contains(b.curl("--compressed " + server.url() + "/openapi.json").output, "gridlight"));

  const std::string body = b.folder.path() / "body";
  std::ofstream{body} << "{\"type\":\"Point\",\"x\":\"" << std::string(900'000, 'x') << "\"}";
  const auto posted = b.curl("-w '|%{http_code}' -H 'Content-Type: application/json' --data-binary @" + body +
                             " " + server.url() + "/api/postgres/layers/nope/intersects");
  CHECK(posted.status == 0);
  CHECK((posted.output.ends_with("|404") || posted.output.ends_with("|503")));
  // A body that is not read: the answer arrives all the same.
  const auto refused = b.curl("-w '|%{http_code}' --data-binary @" + body + " " + server.url() + "/live");
  CHECK(refused.output.ends_with("|405"));
  CHECK(server.stop() == 0);
}

TEST_CASE("a changed certificate is served after SIGHUP, or by itself; a broken one is not") {
  const tls_bench b;
  server_process server{b.options()};
  const std::string live = server.url() + "/live", old = b.folder.path() / "old.pem",
                    next = b.folder.path() / "next.pem", next_key = b.folder.path() / "next.key";
  std::filesystem::copy_file(b.certificate, old);
  make_certificate(next, next_key, "second");
  CHECK(b.curl(live, old).status == 0);

  const auto replace = [&](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  };
  replace(next, b.certificate);  // without its key: kept from use
  server.signal(SIGHUP);
  CHECK(server.wait_for_log("the one before stays in force: http.tls.key"));
  CHECK(b.curl(live, old).status == 0);
  CHECK(b.curl(live, next).status == 60);

  std::size_t seen = server.log().size();
  replace(next_key, b.key);
  CHECK(server.wait_for_log("TLS certificate read from", std::chrono::seconds{10}, seen));  // by itself
  CHECK(b.curl(live, next).status == 0);
  CHECK(b.curl(live, old).status == 60);

  seen = server.log().size();
  std::ofstream{b.certificate} << "nonsense";
  server.signal(SIGHUP);
  CHECK(server.wait_for_log("stays in force: http.tls.certificate", std::chrono::seconds{10}, seen));
  std::filesystem::remove(b.certificate);
  CHECK(b.curl(live, next).status == 0);
}

TEST_CASE("serve does not start with a certificate or key that cannot be used") {
  const tls_bench b;
  const std::string other = b.folder.path() / "other.key", locked = b.folder.path() / "locked.key",
                    empty = b.folder.path() / "empty";
  make_certificate(b.folder.path() / "other.pem", other, "other");
  REQUIRE(run_command("openssl ec -aes256 -passout pass:abcd -in '" + b.key + "' -out '" + locked + "' 2>&1")
              .status == 0);
  std::ofstream{empty} << "";
  struct wrong {
    std::string certificate, key, told;
  };
  for (const auto& w : {wrong{"/nowhere.pem", b.key, "http.tls.certificate /nowhere.pem: cannot be read"},
                        {b.certificate, "/nowhere.key", "http.tls.key /nowhere.key: cannot be read"},
                        {b.key, b.key, "is no certificate in PEM"},
                        {empty, b.key, "is no certificate in PEM"},
                        {b.certificate, b.certificate, "is no private key"},
                        {b.certificate, other, "http.tls.key"},
                        {b.certificate, locked, "without a passphrase"}}) {
    const auto refused = run_gridlight("serve --port 0 --set http.tls.certificate='" + w.certificate +
                                       "' --set http.tls.key='" + w.key + "' 2>&1 </dev/null");
    CHECK(refused.status == 2);
    CHECK_MESSAGE(contains(refused.output, w.told), refused.output);
  }
  CHECK(run_gridlight("serve --port 0 --set http.tls.certificate=a.pem 2>&1").status == 2);
}

TEST_CASE("a handshake that does not come is given up, and draining does not wait for it") {
  const tls_bench b;
  auto options = b.options();
  options.environment["GRIDLIGHT_HTTP_TLS_HANDSHAKE_TIMEOUT"] = "300ms";
  const auto port = [](const server_process& s) { return static_cast<std::uint16_t>(std::stoi(port_of(s))); };
  {
    server_process server{options};
    http_client silent{port(server)}, half{port(server)};
    silent.connect();
    half.connect();
    half.send({"\x16\x03\x01\x02\x00\x01", 6});
    CHECK(silent.closed_by_server());
    CHECK(half.closed_by_server());
    CHECK(server.wait_for_log("TLS handshake with 127.0.0.1: it took too long"));
    CHECK(b.curl(server.url() + "/live").status == 0);
  }
  options.environment["GRIDLIGHT_HTTP_TLS_HANDSHAKE_TIMEOUT"] = "60s";
  server_process server{options};
  http_client silent{port(server)};
  silent.connect();
  CHECK(b.curl(server.url() + "/live").status == 0);
  const auto start = std::chrono::steady_clock::now();
  CHECK(server.stop() == 0);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{5});
}

TEST_CASE("with TLS and tokens serve listens beyond loopback, and wants a token there") {
  const tls_bench b;
  const std::string tokens = b.folder.path() / "tokens.yaml";
  const auto made = run_gridlight("token a 2>&1 >'" + tokens + "'");
  REQUIRE(made.status == 0);
  auto options = b.options();
  options.environment["GRIDLIGHT_HTTP_ADDRESS"] = "0.0.0.0";
  options.environment["GRIDLIGHT_AUTH_TOKENS_FILE"] = tokens;
  server_process server{options};
  const std::string url = "https://127.0.0.1:" + port_of(server) + "/api/postgres";
  CHECK(b.curl("-o /dev/null -w '%{http_code}' " + url).output == "401");
  CHECK(
      b.curl("-o /dev/null -w '%{http_code}' -H 'Gridlight-Token: " + made.output.substr(0, 46) + "' " + url)
          .output == "200");
}
