// Requests that were spoiled at random, and naughty texts wherever a text can stand: the server neither falls
// nor stands still, answers no 5xx, and sends Postgres no statement that honest requests do not need.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/mutator.hpp"
#include "tests/support/naughty.hpp"
#include "tests/support/openapi.hpp"
#include "tests/support/soak.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace std::chrono_literals;

namespace {

struct question {
  std::string method, target, body;

  std::string text() const {
    std::string out = method + " " + target + " HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n";
    if (!body.empty())
      out += "Content-Type: application/geo+json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }
};

// All that honest clients ask: each route, each layer, each way a lookup can go.
std::vector<question> honest_questions(const std::vector<std::string>& layers) {
  std::vector<question> out;
  const auto get = [&out](const std::string& target) { out.push_back({"GET", target, ""}); };
  for (const char* path : {"/api/postgres",
                           "/api/postgres/layers",
                           "/api/postgres/substations",
                           "/live",
                           "/ready",
                           "/api/postgres/substations/status",
                           "/api/postgres/substations/SUB-001",
                           "/health",
                           "/metrics",
                           "/api/postgres/tiles",
                           "/api/postgres/sync/status",
                           "/api/postgres/sync/runs",
                           "/api/postgres/sync/runs?layer=outages&limit=1",
                           "/api/postgres/sync/summary",
                           "/api/postgres/sync/settings",
                           "/openapi.json",
                           "/docs",
                           "/docs/docs.js",
                           "/docs/docs.css",
                           "/",
                           "/status",
                           "/static/plain.css"})
    get(path);
  const std::vector<std::string> limits{"",           "&limit=1",    "&limit=7",
                                        "&limit=100", "&limit=1000", "&limit=10000"};
  for (const char* limit : {"", "&limit=1", "&limit=7", "&limit=50", "&limit=100"})
    get(std::string{"/api/postgres/search?q=a"} + limit);
  for (const std::string& layer : layers) {
    const std::string base = "/api/postgres/layers/" + layer, tiles = "/api/postgres/tiles/" + layer;
    get(base);
    get(tiles + ".json");
    // From the layer itself and, where there is one, from its generalised table.
    for (const char* tile : {"/0/0/0", "/3/1/3", "/8/60/105.mvt", "/20/246500/433500"})
      get(tiles + tile);
    get(base + "/features/a");
    get(base + "/features/1");
    get(base + "/features/a:b");
    get(base + "/features/a:b:c");
    for (const std::string& limit : limits) {
      for (const char* radius : {"0", "500", "50000"})
        get(base + "/within?lon=-95.3698&lat=29.7604&radius_m=" + radius + limit);
      for (const char* far : {"lon=0&lat=0", "lon=180&lat=-90", "lon=84.6302&lat=-29.7604"})
        for (const char* most :
             {"", "&max_distance_m=500", "&max_distance_m=9000000", "&max_distance_m=20100000"})
          get(base + "/nearest?" + far + (most + limit));
      for (const char* most : {"", "&max_distance_m=500", "&max_distance_m=20000000"})
        get(base + "/nearest?lon=-95.3698&lat=29.7604" + (most + limit));
      for (const char* box :
           {"", "&bbox=-95.4,29.7,-95.3,29.8", "&bbox=-180,-90,180,90", "&bbox=170,-20,-170,20",
            "&bbox=-95.37,29.76,-95.37,29.76", "&bbox=-95.38,29.75,-95.36,29.77", "&bbox=-96,29,-95,30",
            "&bbox=-105,20,-85,40", "&bbox=179.9999,0,-179.9999,0.0001", "&bbox=179.9,0,-179.9,0.1",
            "&bbox=179,0,-179,2", "&bbox=-95,29,-96,30"})
        for (const char* count : {"", "&count=true"})
          get(base + "/features?f=geojson" + (box + limit) + count);
      out.push_back({"POST", base + "/intersects?" + limit.substr(limit.empty() ? 0 : 1), valid_polygon});
    }
    out.push_back({"POST", base + "/intersects", R"({"type":"Point","coordinates":[-95.37,29.76]})"});
  }
  return out;
}

// Asks, follows links to a next page or two, and collects ids as questions of their own.
void ask_honestly(http_client& client, const std::vector<question>& questions, std::vector<question>& more) {
  for (const question& q : questions) {
    const auto reply =
        q.body.empty() ? client.get(q.target) : client.post(q.target, q.body, "application/geo+json");
    CAPTURE(q.target);
    CHECK((reply.status < 500 || reply.status == 503));
    if (const auto at = reply.body.find("\"rel\":\"next\""); at != reply.body.npos) {
      const auto href = reply.body.find("\"href\":\"", at) + 8;
      more.push_back({"GET", reply.body.substr(href, reply.body.find('"', href) - href), ""});
    }
    if (const auto at = reply.body.find("\"type\":\"Feature\",\"id\":"); at != reply.body.npos) {
      std::string id = reply.body.substr(at + 22, reply.body.find(",\"geometry\"", at) - at - 22);
      if (id.starts_with('"')) id = id.substr(1, id.size() - 2);
      const std::string base = q.target.substr(0, q.target.find('/', 22));
      if (q.target.starts_with("/api/postgres/layers/"))
        more.push_back({"GET", base + "/features/" + percent_encoded(id), ""});
    }
  }
}

std::set<std::string> statements(const temp_db& db) {
  std::set<std::string> out;
  for (const auto& row :
       db.rows("SELECT DISTINCT s.query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
               "WHERE d.datname = current_database() AND s.query NOT LIKE '%pg_stat_statements%'"))
    out.insert(row[0]);
  return out;
}

// The first answer's status, or 0 for none, of bytes sent on a connection of their own.
int status_after(std::uint16_t port, const std::string& bytes) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket != -1);
  const timeval limit{5, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  connect_to(socket, port);
  [[maybe_unused]] const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(socket, SHUT_WR);
  std::string start;
  int status = 0;
  for (char block[16 * 1024];;) {
    const auto n = ::recv(socket, block, sizeof block, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) break;
    if (n < 0) {
      status = -1;  // it hangs
      break;
    }
    if (start.size() < 12) start.append(block, static_cast<std::size_t>(n));
  }
  ::close(socket);
  if (status == 0 && start.starts_with("HTTP/1.1 ")) status = std::stoi(start.substr(9, 3));
  return status;
}

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

// What a client may be told of its own request; all else of 5xx is our fault.
bool is_own_fault(int status) {
  return status >= 500 && status != 501 && status != 505;
}

// No answer so far was a 5xx, by the server's own count.
void check_counts(const std::string& url) {
  std::istringstream metrics{http_client{url}.get("/metrics").body};
  for (std::string line; std::getline(metrics, line);) {
    if (!line.starts_with("gridlight_http_requests_total{")) continue;
    const auto at = line.find("status=\"5");
    if (at == line.npos) continue;
    const std::string status = line.substr(at + 8, 3);
    CAPTURE(line);
    CHECK((status == "501" || status == "505"));
  }
}

// Only for the database it is run in: counting costs each query a little. Statements of earlier runs fill the
// table, until new ones are dropped; those of the server's start are to be known: it repeats them every 30 s.
const std::string count_statements = R"(CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
  DO $$ BEGIN
    IF current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' THEN
      PERFORM pg_stat_statements_reset();
    END IF;
    EXECUTE format('ALTER DATABASE %I SET pg_stat_statements.track = top', current_database());
    EXECUTE format('ALTER DATABASE %I SET compute_query_id = on', current_database());
  END $$)";

class statement_watch {
 public:
  explicit statement_watch(const temp_db& db) : db_(db) {
    loaded_ = db.value("SHOW shared_preload_libraries").find("pg_stat_statements") != std::string::npos;
    if (!loaded_)
      MESSAGE("not looked at: pg_stat_statements is not loaded, so new statements would not be seen");
  }
  void honest_ones_were_asked() {
    if (!loaded_) return;
    db_.run("SELECT 1");  // so the server probes a connection on which nothing is heard
    known_ = statements(db_);
  }
  void check() const {
    if (!loaded_) return;
    const auto now = statements(db_);
    MESSAGE(known_.size() << " statements of honest requests, " << now.size() << " now");
    for (const std::string& each : now)
      if (known_.count(each) == 0) FAIL_CHECK("a new statement: " << each.substr(0, 1500));
  }

 private:
  const temp_db& db_;
  bool loaded_ = false;
  std::set<std::string> known_;
};

std::vector<question> all_honest(demo_server& server, statement_watch& watch) {
  http_client client{server.url()};
  auto questions = honest_questions(server.layers());
  std::vector<question> more, last;
  ask_honestly(client, questions, more);
  ask_honestly(client, more, last);
  questions.insert(questions.end(), more.begin(), more.end());
  watch.honest_ones_were_asked();
  return questions;
}

}  // namespace

TEST_CASE("spoiled requests: no crash, no hang, no 5xx, no new statement") {
  const std::uint64_t seed = chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=" << seed);
  demo_server server{{"--set", "log.access=false", "--set", "log.audit=false"}, {}, count_statements};
  statement_watch watch{server.db()};
  std::vector<std::string> valid;
  for (const question& q : all_honest(server, watch))
    valid.push_back(q.text());
  const int count = count_of(5'000, 1'000'000);
  const auto port = port_of(server.url());
  std::map<int, int> seen;
  std::mutex lock;
  const auto run = [&](std::uint64_t own_seed, int how_many) {
    mutator m{valid, own_seed};
    std::map<int, int> mine;
    for (int i = 0; i < how_many; ++i) {
      const std::string request = m.next();
      const int status = status_after(port, request);
      ++mine[status];
      if (status != -1 && !is_own_fault(status)) continue;
      const std::lock_guard guard{lock};
      FAIL_CHECK("status " << status << " (-1: it hung) of seed " << own_seed << ", number " << i << ": "
                           << request);
      if (status == -1) break;
    }
    const std::lock_guard guard{lock};
    for (const auto& [status, n] : mine)
      seen[status] += n;
  };
  const auto start = std::chrono::steady_clock::now();
  std::thread other{run, seed + 1, count / 2};
  run(seed, count - count / 2);
  other.join();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::string figures;
  for (const auto& [status, n] : seen)
    figures += " " + std::to_string(status) + ":" + std::to_string(n);
  MESSAGE(count << " spoiled requests in " << seconds << " s, answers by status (0: none):" << figures);
  check_counts(server.url());
  watch.check();
  CHECK(http_client{server.url()}.get("/ready").status == 200);
}

namespace {

// A request with a place for a text, which is percent-encoded in the target, or stands in the body as it is.
struct gap {
  std::string method, before, after;
  std::string target = {};  // of a body; empty: `before` and `after` are of the target
};

// Each described parameter of each route, its names, its path, and places in bodies.
std::vector<gap> all_gaps() {
  std::vector<gap> out;
  for (const operation& o : described_operations(openapi_description())) {
    for (const described_parameter& p : o.parameters) {
      if (!p.in_path) {
        out.push_back({o.method, o.target(p.name) + p.name + "=", ""});
        continue;
      }
      operation cut = o;
      const auto at = o.path.find("{" + p.name + "}");
      cut.path.replace(at, p.name.size() + 2, "\n");
      const std::string target = cut.target();
      out.push_back({o.method, target.substr(0, target.find('\n')), target.substr(target.find('\n') + 1)});
    }
    out.push_back({o.method, o.target(), "=1"});
    out.push_back({o.method, o.target().substr(0, o.target().find('?')) + "/", ""});
  }
  const std::string intersects = "/api/postgres/layers/buildings/intersects";
  for (const auto& [before, after] :
       {std::pair<const char*, const char*>{"", ""},
        {"{\"type\":\"", "\",\"coordinates\":[0,0]}"},
        {"{\"type\":\"Point\",\"coordinates\":[", ",0]}"},
        {"{\"type\":\"Point\",\"coordinates\":", "}"},
        {"{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,", "]]]}"},
        {"{\"type\":\"Point\",\"coordinates\":[0,0],\"", "\":1}"},
        {"{\"type\":\"Feature\",\"properties\":{\"a\":\"", "\"},\"geometry\":null}"},
        {"{\"type\":\"Point\",\"coordinates\":[0,0],\"crs\":{\"name\":\"", "\"}}"}})
    out.push_back({"POST", before, after, intersects});
  return out;
}

}  // namespace

TEST_CASE("naughty texts in every parameter, path and body: never a 5xx, never a new statement") {
  demo_server server{{"--set", "log.access=false", "--set", "log.audit=false"}, {}, count_statements};
  statement_watch watch{server.db()};
  all_honest(server, watch);
  http_client client{server.url(), 5s};
  int asked = 0;
  for (const gap& g : all_gaps()) {
    for (const std::string& text : naughty_strings()) {
      CAPTURE(g.before);
      CAPTURE(text.substr(0, 100));
      const auto reply =
          !g.target.empty() ? client.post(g.target, g.before + text + g.after, "application/geo+json")
          : g.method == "POST"
              ? client.post(g.before + percent_encoded(text) + g.after, valid_polygon, "application/geo+json")
          : g.before.find("/events") != g.before.npos  // a stream has no end
              ? client.head(g.before + percent_encoded(text) + g.after)
              : client.get(g.before + percent_encoded(text) + g.after);
      ++asked;
      CHECK_FALSE(is_own_fault(reply.status));
      CHECK_FALSE(reply.has("X-Injected"));
      if (reply.status >= 400) CHECK(reply.header("Content-Type") == "application/problem+json");
    }
  }
  // As they are, where no encoding is expected: in the target, and in headers.
  const auto port = port_of(server.url());
  for (const std::string& text : naughty_strings()) {
    CAPTURE(text.substr(0, 100));
    for (const std::string& bytes :
         {"GET /api/postgres/layers/" + text + "/features HTTP/1.1\r\nHost: h\r\n\r\n",
          "GET /api/postgres/layers/transformers/features?limit=1&properties=" + text +
              " HTTP/1.1\r\nHost: h\r\n\r\n",
          "GET /live HTTP/1.1\r\nHost: " + text + "\r\n\r\n", text + " /live HTTP/1.1\r\nHost: h\r\n\r\n"}) {
      const int status = status_after(port, bytes);
      CHECK(status != -1);
      CHECK_FALSE(is_own_fault(status));
    }
    for (const char* header :
         {"Accept", "Accept-Encoding", "If-None-Match", "Content-Type", "Content-Length", "Transfer-Encoding",
          "Connection", "Authorization", "Gridlight-Token", "X-Request-ID", "X-Forwarded-For", "Origin",
          "Expect", "Upgrade", "User-Agent", "Range"}) {
      CAPTURE(header);
      const int status =
          status_after(port, std::string{"GET /api/postgres/layers/transformers/features?limit=1 "} +
                                 "HTTP/1.1\r\nHost: h\r\n" + header + ": " + text + "\r\n\r\n");
      CHECK(status != -1);
      CHECK_FALSE(is_own_fault(status));
      ++asked;
    }
  }
  MESSAGE(asked << " naughty requests");
  check_counts(server.url());
  watch.check();
}
