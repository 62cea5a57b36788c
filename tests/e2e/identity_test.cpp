// The real binary: where it refuses to listen, and what tokens open.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/text.hpp"

using namespace gridlight::test;

namespace {

/// A file of tokens, and the tokens themselves.
class token_office {
 public:
  std::string file() const { return folder_.path() / "tokens.yaml"; }
  // As a person does it: the entry goes to the file, the token to its owner.
  std::string make(const std::string& arguments) const {
    const auto made = run_gridlight("token " + arguments + " 2>&1 >>'" + file() + "'");
    REQUIRE(made.status == 0);
    REQUIRE(made.output.starts_with("gl_"));
    return made.output.substr(0, made.output.size() - 1);
  }
  std::string text() const {
    std::ifstream in{file()};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  void write(const std::string& text) const { std::ofstream{file()} << text; }

 private:
  temp_folder folder_;
};

http_headers bearer(const std::string& token) {
  return {{"Authorization", "Bearer " + token}};
}

}  // namespace

TEST_CASE("beyond loopback serve refuses to start without TLS and tokens, says why and what to do") {
  const token_office office;
  office.make("a");
  for (const std::string& settings :
       {std::string{"--address 0.0.0.0"}, std::string{"--address ::"}, std::string{"--address 192.0.2.1"},
        "--address 0.0.0.0 --set auth.tokens_file=" + office.file(),
        std::string{"--address 0.0.0.0 --set http.open=false"}}) {
    CAPTURE(settings);
    const auto refused = run_gridlight("serve --port 0 " + settings + " 2>&1");
    CHECK(refused.status == 2);
    CHECK(refused.output.starts_with("gridlight: http.address "));
    CHECK(contains(refused.output, "http.tls.certificate"));
    CHECK(contains(refused.output, "127.0.0.1"));
    CHECK(contains(refused.output, "http.open: true"));
  }
  // check and the others do not listen, so they do not mind.
  CHECK(run_gridlight("config --set http.address=0.0.0.0 2>&1").status == 0);
}

TEST_CASE("http.open says that whoever reaches the address may ask") {
  const temp_db db;
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()},
                                         {"GRIDLIGHT_HTTP_ADDRESS", "0.0.0.0"},
                                         {"GRIDLIGHT_HTTP_OPEN", "true"}},
                         .allowed = {""}}};
  http_client client{"http://127.0.0.1" + server.url().substr(server.url().rfind(':'))};
  CHECK(client.get("/api/postgres").status == 200);
}

TEST_CASE("a broken file of tokens stops serve before it listens") {
  const token_office office;
  office.write("- {name: a, hash: gl_plain, scopes: read}\n");
  const auto refused = run_gridlight("serve --port 0 --set auth.tokens_file=" + office.file() + " 2>&1");
  CHECK(refused.status == 2);
  CHECK(contains(refused.output, "tokens.yaml:1: token 1.hash is ***"));
  CHECK_FALSE(contains(refused.output, "gl_plain"));
  CHECK(run_gridlight("serve --port 0 --set auth.tokens_file=/nowhere/t.yaml 2>&1").status == 2);
}

TEST_CASE("gridlight token prints a token and an entry that does not hold it") {
  const token_office office;
  const std::string token = office.make("dispatch-1 --scopes read,personal --priority --expires 2031-01-01");
  CHECK_FALSE(contains(office.text(), token));
  CHECK(contains(office.text(), "- name: dispatch-1\n  hash: sha256:"));
  CHECK(contains(office.text(), "  scopes: [read, personal]\n  priority: true\n  expires: \"2031-01-01\"\n"));
  for (const char* wrong : {"'a b'", "a --scopes all", "a --scopes ''", "a --expires soon", ""})
    CHECK(run_gridlight("token " + std::string{wrong} + " >/dev/null 2>&1").status != 0);
}

TEST_CASE("tokens open what anonymous callers may not have; refusals are problems and make no query") {
  const temp_db db;
  REQUIRE(run_gridlight("migrate --database-url '" + db.uri() + "' >/dev/null 2>&1").status == 0);
  const token_office office;
  const std::string reader = office.make("reader"), blind = office.make("blind --scopes personal"),
                    old = office.make("old --scopes read,write --expires 2020-01-01");
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()},
                                         {"GRIDLIGHT_AUTH_TOKENS_FILE", office.file()},
                                         {"GRIDLIGHT_AUTH_ANONYMOUS", "none"},
                                         {"GRIDLIGHT_AUTH_OPEN_ROUTES", "/metrics"}},
                         .allowed = {""}}};
  http_client client{server.url()};
  for (int i = 0; i < 200 && client.get("/ready").status != 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{25});
  const auto loans = [&] {
    const std::string text = client.get("/metrics").body;
    const auto at = text.find("gridlight_pool_acquired_total{lane=\"lookup\"} ");
    REQUIRE(at != text.npos);
    return std::stod(text.substr(at + 45));
  };
  double before = loans();
  // At first the server asks for itself, too.
  for (double seen = before - 1; seen != before; before = loans()) {
    seen = before;
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
  }
  const std::string target = "/api/postgres/layers/transformers/nearest?lon=-95&lat=29";
  struct wanted {
    http_headers headers;
    int status;
    const char* challenge;
  };
  for (const auto& w :
       {wanted{{}, 401, R"(Bearer realm="gridlight")"},
        {bearer("gl_wrong"), 401, R"(Bearer realm="gridlight", error="invalid_token")"},
        {{{"Gridlight-Token", "gl_wrong"}}, 401, R"(Bearer realm="gridlight", error="invalid_token")"},
        {bearer(old), 401, R"(Bearer realm="gridlight", error="invalid_token")"},
        {bearer(blind), 403, ""}}) {
    for (const std::string& path : {target, std::string{"/api/postgres/layers"}, std::string{"/health"}}) {
      const auto reply = client.get(path, w.headers);
      CHECK(reply.status == w.status);
      CHECK(reply.header("Content-Type").starts_with("application/problem+json"));
      CHECK(reply.header("WWW-Authenticate") == w.challenge);
      CHECK(contains(reply.header("Vary"), "Authorization, Gridlight-Token"));
    }
    const auto posted = client.post("/api/postgres/layers/transformers/intersects", std::string(5000, '{'),
                                    "application/json", w.headers);
    CHECK(posted.status == w.status);
  }
  CHECK(loans() == before);
  const auto reply = client.get(target, bearer(reader));
  CHECK(reply.status == 200);
  CHECK(contains(reply.header("Vary"), "Authorization, Gridlight-Token"));
  CHECK(client.get(target, {{"Gridlight-Token", reader}}).status == 200);
  CHECK(loans() > before);
  CHECK(client.get("/health", bearer(reader)).status == 200);
  for (const char* open :
       {"/live", "/ready", "/metrics", "/docs", "/openapi.json", "/", "/status", "/static/plain.css"})
    CHECK(client.get(open, bearer("gl_wrong")).status == 200);
  CHECK(client.request("OPTIONS", target, {{"Access-Control-Request-Method", "GET"}})
            .header("Access-Control-Allow-Headers")
            .find("Gridlight-Token") != std::string::npos);
  CHECK(server.stop() == 0);
  const std::string log = server.log();
  CHECK(contains(log,
                 "audit refused token=\"old\" peer=\"127.0.0.1\" method=\"GET\" "
                 "route=\"/api/postgres/layers/{layer}/nearest\" status=401"));
  CHECK(contains(log, "audit refused token=\"blind\""));
  for (const std::string& token : {reader, blind, old, std::string{"gl_wrong"}})
    CHECK_FALSE(contains(log, token));
}

TEST_CASE("customers with and without scope personal, and what the logs tell of it") {
  const temp_db db;
  for (const char* command : {"migrate", "demo-data --scale 0.002 --seed 7"})
    REQUIRE(
        run_gridlight(std::string{command} + " --database-url '" + db.uri() + "' >/dev/null 2>&1").status ==
        0);
  const token_office office;
  const std::string personal = office.make("dispatcher --scopes read,personal"), plain = office.make("map");
  server_process server{
      {.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}, {"GRIDLIGHT_AUTH_TOKENS_FILE", office.file()}},
       .allowed = {""}}};
  http_client client{server.url()};
  for (int i = 0; i < 200 && client.get("/ready").status != 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{25});
  const std::string target =
      "/api/postgres/layers/customers/within?lon=-95.36251&lat=29.76251&radius_m=50000&limit=9";
  const auto open = client.get(target), same = client.get(target, bearer(plain)),
             seen = client.get(target, bearer(personal));
  CHECK(open.status == 200);
  CHECK(same.body == open.body);
  CHECK(same.header("ETag") == open.header("ETag"));
  CHECK_FALSE(contains(open.body, "full_name"));
  CHECK(contains(open.header("Gridlight-Version"), "transformers="));
  CHECK(contains(open.header("Vary"), "Authorization, Gridlight-Token"));
  CHECK(seen.status == 200);
  CHECK(contains(seen.body, "full_name"));
  CHECK(seen.header("Cache-Control") == "private, no-cache");
  CHECK(seen.header("ETag") != open.header("ETag"));
  // What one may see is never "unchanged" to the other.
  CHECK(client.get(target, {{"If-None-Match", seen.header("ETag")}}).status == 200);
  http_headers conditional = bearer(personal);
  conditional.emplace_back("If-None-Match", open.header("ETag"));
  CHECK(client.get(target, conditional).status == 200);
  conditional.back().second = seen.header("ETag");
  CHECK(client.get(target, conditional).status == 304);
  CHECK(client.get("/api/postgres/layers/transformers/nearest?lon=-95.36252&lat=29&limit=1", bearer(personal))
            .status == 200);
  CHECK(server.stop() == 0);

  const std::string log = server.log();
  std::size_t audited = 0;
  for (std::size_t at = log.find(" audit "); at != log.npos; at = log.find(" audit ", at + 1))
    ++audited;
  CHECK(audited == 3);
  CHECK(contains(log,
                 "audit token=\"dispatcher\" scope=\"personal\" peer=\"127.0.0.1\" method=\"GET\" "
                 "route=\"/api/postgres/layers/{layer}/within\" layer=\"customers\" status=200 count=9"));
  // The access log leaves out where people were looked for, not where transformers were.
  CHECK_FALSE(contains(log, "95.36251"));
  CHECK(contains(log, "within?lon=*&lat=*&radius_m=*&limit=*"));
  CHECK(contains(log, "lon=-95.36252"));
  CHECK_FALSE(contains(log, personal));
}

TEST_CASE("tokens are read anew on SIGHUP and when their file changes; a broken file changes nothing") {
  const temp_db db;
  const token_office office;
  const std::string first = office.make("first");
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()},
                                         {"GRIDLIGHT_AUTH_TOKENS_FILE", office.file()},
                                         {"GRIDLIGHT_AUTH_ANONYMOUS", "none"}},
                         .allowed = {""}}};
  http_client client{server.url()};
  const auto status = [&](const std::string& token) {
    return client.get("/api/postgres", bearer(token)).status;
  };
  CHECK(status(first) == 200);
  const std::string second = office.make("second");
  server.signal(SIGHUP);
  CHECK(server.wait_for_log("2 tokens read from"));
  CHECK(status(second) == 200);
  office.write("- broken");
  CHECK(server.wait_for_log("the tokens stay as they were"));  // by itself
  CHECK(status(second) == 200);
  office.write("");
  CHECK(server.wait_for_log("0 tokens read from"));
  CHECK(status(second) == 401);
}
