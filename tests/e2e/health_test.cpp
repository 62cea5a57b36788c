// gridlight health, by which containers and watchdogs ask.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "tests/support/certificate.hpp"
#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;

TEST_CASE("gridlight health asks a server that runs") {
  demo_server server;
  const auto live = run_gridlight("health " + server.url());
  CHECK(live.status == 0);
  CHECK(live.output == "200 {\"status\":\"live\"}\n");
  const auto ready = run_gridlight("health --ready " + server.url());
  CHECK(ready.status == 0);
  CHECK(ready.output.find("\"status\":\"ready\"") != std::string::npos);
  CHECK(run_gridlight("health " + server.url() + "/nothing").status == 1);

  // Without a URL it is the server of the configuration, wherever that listens.
  const std::string port = server.url().substr(server.url().rfind(':') + 1);
  CHECK(run_gridlight("health --set http.port=" + port).status == 0);
  CHECK(run_gridlight("health --set http.address=0.0.0.0 --set http.open=true --set http.port=" + port)
            .status == 0);
  server.process().stop();
  const auto gone = run_gridlight("health " + server.url() + " 2>&1");
  CHECK(gone.status == 1);
  CHECK(gone.output.find("Connection refused") != std::string::npos);
}

TEST_CASE("gridlight health speaks TLS, to a server whose certificate names another host") {
  const temp_folder folder;
  const auto certificate = folder.path() / "server.pem", key = folder.path() / "server.key";
  make_certificate(certificate, key, "elsewhere.example.org");
  const std::string tls =
      "--set http.tls.certificate=" + certificate.string() + " --set http.tls.key=" + key.string();
  const temp_db database;
  REQUIRE(run_gridlight("--database-url '" + database.uri() + "' migrate").status == 0);
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", database.uri()}},
                         .arguments = {"--set", "http.tls.certificate=" + certificate.string(), "--set",
                                       "http.tls.key=" + key.string()}}};
  const std::string port = server.url().substr(server.url().rfind(':') + 1);
  CHECK(run_gridlight("health " + tls + " --set http.port=" + port).status == 0);
  CHECK(run_gridlight("health https://localhost:" + port).status == 0);
  CHECK(run_gridlight("health http://127.0.0.1:" + port + " 2>&1").status == 1);
}

TEST_CASE("gridlight health gives up in time, and says what a URL must be") {
  // The kernel takes the connection, and nobody answers.
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor silent{io, {boost::asio::ip::address_v4::loopback(), 0}};
  const std::string port = std::to_string(silent.local_endpoint().port());
  for (const std::string scheme : {"http", "https"}) {
    const auto waited = run_gridlight("health --timeout 0.5 " + scheme + "://127.0.0.1:" + port + " 2>&1");
    CHECK(waited.status == 1);
    CHECK_MESSAGE(waited.output.find("no answer in 0.5 s") != std::string::npos, waited.output);
  }
  for (const char* url : {"ftp://127.0.0.1/", "127.0.0.1:8080", "http://", "http://user:pw@127.0.0.1/"}) {
    const auto refused = run_gridlight(std::string{"health "} + url + " 2>&1");
    CHECK_MESSAGE(refused.status == 2, url);
    CHECK(refused.output.find("it must be http://HOST[:PORT][/PATH] or https://") != std::string::npos);
  }
  const auto any = run_gridlight("health --set http.port=0 2>&1");
  CHECK(any.status == 2);
  CHECK(any.output.find("http.port is 0") != std::string::npos);
}
