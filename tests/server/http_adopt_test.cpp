// Settings, sockets and routes that change while a server runs.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <thread>

#include "server/http/handover.hpp"
#include "server/service_manager.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/keen_load.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace std::chrono_literals;

TEST_CASE("other settings while many ask: all are answered by the old or the new") {
  toy_server s;
  keen_load load{s.port(),
                 {{"/hello", {{200, "hello"}}},
                  {"/bytes?n=2000", {{200, std::string(2000, 'x')}}},
                  {"/nothing", {{404, ""}}}},
                 4};
  auto settings = quick_settings();
  for (int i = 0; i < 200; ++i) {
    settings.cors_origins = {i % 2 == 0 ? "https://a.example" : "https://b.example"};
    settings.idle_timeout = std::chrono::seconds{60 + i};
    settings.rate_burst = 1000 + static_cast<std::size_t>(i);
    settings.trusted_proxies =
        i % 2 == 0 ? std::vector<std::string>{"10.0.0.0/8"} : std::vector<std::string>{};
    REQUIRE(s.server().adopt(settings, nullptr, {}));
    http_client client{s.port()};
    CHECK(
        client.get("/hello", {{"Origin", settings.cors_origins[0]}}).header("Access-Control-Allow-Origin") ==
        settings.cors_origins[0]);
  }
  const auto t = load.stop();
  CHECK_MESSAGE(t.failed == 0, t.first_failure);
  CHECK(t.connections == 4);
}

TEST_CASE("a request that runs keeps what it began with, a connection goes on with what is new") {
  auto settings = quick_settings();
  settings.cors_origins = {"https://a.example"};
  toy_server s{settings};
  http_client client{s.port()};
  client.send("GET /slow?ms=300 HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n\r\n");
  std::this_thread::sleep_for(100ms);
  settings.cors_origins = {"https://b.example"};
  settings.max_body_bytes = 1024;
  settings.rate_limit = 0.001;
  settings.rate_burst = 2;
  REQUIRE(s.server().adopt(settings, nullptr, {}));
  CHECK(client.receive().header("Access-Control-Allow-Origin") == "https://a.example");
  CHECK(client.post("/echo", std::string(2000, 'a')).status == 413);
  CHECK(client.get("/hello", {{"Origin", "https://b.example"}}).header("Access-Control-Allow-Origin") ==
        "https://b.example");
  CHECK(client.get("/hello").status == 429);
  settings.rate_limit = 0;
  REQUIRE(s.server().adopt(settings, nullptr, {}));
  CHECK(client.get("/hello").status == 200);
  CHECK(client.connections_made() == 2);  // the body that was not read cost one
}

TEST_CASE("heads may be longer on connections that come after") {
  auto settings = quick_settings();
  settings.max_head_bytes = 1024;
  toy_server s{settings};
  http_client before{s.port()};
  CHECK(before.get("/hello").status == 200);
  settings.max_head_bytes = 64 * 1024;
  REQUIRE(s.server().adopt(settings, nullptr, {}));
  const http_headers longish{{"X-Long", std::string(5000, 'l')}};
  CHECK(before.get("/hello", longish).status == 431);
  CHECK(http_client{s.port()}.get("/hello", longish).status == 200);
}

TEST_CASE("a server that ends adopts nothing more") {
  toy_server s;
  s.stop();
  CHECK(s.server().stopping());
  CHECK_FALSE(s.server().adopt(quick_settings(), nullptr, {}));
}

TEST_CASE("listening sockets are handed over once, to who says that he serves") {
  const temp_folder folder;
  const std::string path = folder.path() / "door";
  CHECK(http::takeover::from(path)->sockets().empty());  // nobody there
  toy_server s;
  boost::asio::io_context io;
  int taken = 0;
  {
    http::handover offer{io.get_executor(), [&] { return s.server().sockets(); }, [&] { ++taken; }};
    REQUIRE(offer.offer_at(path).has_value());
    std::thread runs{[&] { io.run(); }};
    {
      const auto failed = http::takeover::from(path);  // and goes away again
      REQUIRE(failed.has_value());
      CHECK(failed->sockets().size() == 2);
    }
    auto got = http::takeover::from(path);
    REQUIRE(got.has_value());
    REQUIRE(got->sockets().size() == 2);
    for (const int each : got->sockets()) {
      const auto at = service_manager::look_at(each);
      REQUIRE(at.has_value());
      CHECK(at->port == s.port());
    }
    CHECK(taken == 0);
    got->done();
    for (int i = 0; i < 200 && std::filesystem::exists(path); ++i) {
      std::this_thread::sleep_for(5ms);
      if (i == 50) boost::asio::post(io, [&] { offer.stop(); });
    }
    CHECK_FALSE(std::filesystem::exists(path));
    runs.join();
    CHECK(taken == 1);
  }
  CHECK(http::takeover::from(std::string(200, 'x')).error().detail.find("too long") != std::string::npos);
}

TEST_CASE("a socket that nobody can connect to is no listening one") {
  const int loose = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(service_manager::look_at(loose).has_error());
  ::close(loose);
  CHECK(service_manager::look_at(0).has_error());
}

TEST_CASE("sockets meant for another process are none of ours") {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const auto none = service_manager::take_sockets();
  REQUIRE(none.has_value());
  CHECK(none->empty());
  CHECK(::getenv("LISTEN_FDS") == nullptr);
}
