// The real binary tells what changes: to one listener, to one who comes again, to very many.
#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/sse_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// Tables that were swapped in have triggers, too.

constexpr const char* route = "/api/postgres/events";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

std::string open_outage(const std::string& id, const std::string& place = "-95.4, 29.7") {
  return "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status, longitude, latitude) VALUES "
         "('" +
         id + "', 'none', 'ACTIVE', " + place + ");";
}

std::string restore(const std::string& id) {
  return "UPDATE outage_restoration_tracker SET status = 'RESTORED' WHERE outage_id = '" + id + "';";
}

const std::string load_a_circuit =
    "UPDATE circuit_status_realtime SET avg_load_percent = 99 WHERE circuit_id = (SELECT min(circuit_id) "
    "FROM "
    "circuit_status_realtime);";

double metric(const demo_server& s, const std::string& name) {
  const std::string all = http_client{s.url()}.get("/metrics").body;
  const auto at = all.find("\n" + name + " ");
  return at == all.npos ? -1 : std::stod(all.substr(at + name.size() + 2));
}

bool comes_true_within(std::chrono::milliseconds timeout, const std::function<bool()>& holds) {
  for (const auto end = steady_clock::now() + timeout; !holds(); std::this_thread::sleep_for(50ms))
    if (steady_clock::now() > end) return false;
  return true;
}

}  // namespace

TEST_CASE("a listener is told a snapshot, then of an outage from its opening to its end") {
  const demo_server s;
  sse_client all{s.url(), route}, far{s.url(), std::string{route} + "?layers=outages&bbox=0,0,1,1"};
  CHECK(has(all.head(), "text/event-stream"));
  CHECK(has(all.head(), "X-Accel-Buffering: no"));
  CHECK(has(all.head(), "Cache-Control: no-store"));
  const auto snapshot = all.next();
  CHECK(snapshot.name == "snapshot");
  CHECK(has(snapshot.data, "\"versions\":{\"ami\":"));
  const std::string rows = http_client{s.url()}.get("/api/postgres/substations/status").body;
  CHECK(has(snapshot.data, "\"substations\":" + rows));
  CHECK(has(snapshot.data, "\"outages\":[{\"type\":\"Feature\""));
  CHECK(has(far.next().data, "\"outages\":[]}"));

  const auto start = steady_clock::now();
  s.db().run(open_outage("X1"));
  const auto layer = all.next("layer", "\"outages\"");
  CHECK(has(layer.data, "\"envelopes\":[[-95.4,29.7,-95.4,29.7]]"));
  const auto opened = all.next("outage");
  CHECK(steady_clock::now() - start < limit_ms(1000) * 1ms);
  const auto feature = http_client{s.url()}.get("/api/postgres/layers/outages/features/X1").body;
  CHECK(opened.data == feature);
  s.db().run(restore("X1"));
  CHECK(all.next("outage").data == "{\"outage_id\":\"X1\",\"gone\":true}");
  s.db().run(open_outage("X2", "0.5, 0.5"));
  CHECK(has(far.next().data, "[0.5,0.5,0.5,0.5]"));
  CHECK(has(far.next("outage").data, "\"X2\""));

  s.db().run(load_a_circuit);
  const auto status = all.next("status");
  CHECK(has(status.data, "\"worst_circuit_load\":99,"));
  CHECK(has(http_client{s.url()}.get("/api/postgres/substations/status").body, status.data));
}

TEST_CASE("a snapshot that holds but the first of very many outages says so") {
  const demo_server s{
      {},
      {"outages are open"},
      "INSERT INTO outage_restoration_tracker (outage_id, status, longitude, latitude) SELECT 'Z' || i, "
      "'ACTIVE', -95.4, 29.7 FROM generate_series(1, 20001) i"};
  const auto count = [](const std::string& text) {
    std::size_t out = 0;
    for (auto at = text.find("\"Feature\""); at != text.npos; at = text.find("\"Feature\"", at + 1))
      ++out;
    return out;
  };
  for (const char* query : {"?layers=outages", "?layers=outages&bbox=-97,28,-94,31"}) {
    sse_client all{s.url(), route + std::string{query}};
    const auto cut = all.next("snapshot");
    CHECK(count(cut.data) == 20'000);
    CHECK(has(cut.data, "],\"outages_truncated\":true}"));
  }
  s.db().run("DELETE FROM outage_restoration_tracker WHERE outage_id LIKE 'Z%'");
  CHECK(comes_true_within(10s, [&] {
    return !has(sse_client{s.url(), route}.next("snapshot").data, "truncated");
  }));
}

TEST_CASE("status and outages of tables that tell nothing of their changes are told all the same") {
  const temp_folder folder;
  const std::string file = (folder.path() / "theirs.yaml").string();
  std::ofstream{file} << R"(
layers:
  substations: {schema: gis, key: substation_id, geometry_type: point, mode: attached}
  circuits: {schema: gis, key: circuit_id, geometry_type: point, mode: attached}
  outages: {schema: gis, key: outage_id, geometry_type: point, mode: attached}
)";
  const demo_server s{{"--config", file},
                      {},
                      "CREATE SCHEMA gis;"
                      "CREATE TABLE gis.substations AS SELECT * FROM public.substations;"
                      "CREATE TABLE gis.circuits AS SELECT * FROM public.circuit_status_realtime;"
                      "CREATE TABLE gis.outages AS SELECT * FROM public.outage_restoration_tracker;"
                      "UPDATE gis.circuits SET avg_load_percent = 10"};
  sse_client all{s.url(), route};
  const auto first = all.next("snapshot");
  CHECK_FALSE(has(first.data, "\"circuits\":"));
  CHECK(has(first.data, ",\"substations\":[{"));
  CHECK_FALSE(has(first.data, "\"worst_circuit_load\":99,"));
  s.db().run(
      "UPDATE gis.circuits SET avg_load_percent = 99 WHERE circuit_id = (SELECT min(circuit_id) FROM "
      "gis.circuits); INSERT INTO gis.outages (outage_id, status, geom) VALUES ('X1', 'ACTIVE', "
      "ST_SetSRID(ST_MakePoint(-95.4, 29.7), 4326))");
  CHECK(has(all.next("status").data, "\"worst_circuit_load\":99,"));
  CHECK(has(all.next("outage").data, "\"X1\""));
  const auto later = sse_client{s.url(), route}.next("snapshot");
  CHECK(has(later.data, "\"worst_circuit_load\":99,"));
  CHECK(has(later.data, "\"X1\""));
  // What was missed cannot be told by versions.
  CHECK(sse_client{s.url(), route, {{"Last-Event-ID", all.id()}}}.next().name == "snapshot");
}

TEST_CASE("who comes back after a cut misses nothing; what is not known any more is a snapshot") {
  const demo_server s;
  std::string id;
  {
    sse_client first{s.url(), route};
    first.next("snapshot");
    s.db().run(open_outage("X1"));
    first.next("outage", "X1");
    id = first.id();
  }
  s.db().run(open_outage("X2", "-95.5, 29.8"));
  s.db().run(open_outage("X3", "-95.6, 29.8") + load_a_circuit);
  std::this_thread::sleep_for(700ms);
  const http_headers again{{"Last-Event-ID", id}};
  sse_client second{s.url(), route, again};
  std::string told;
  for (auto e = second.next(); e.name != "snapshot"; e = second.next()) {
    REQUIRE(e.name == "layer");
    told += e.data;
  }
  CHECK(has(told, "\"layer\":\"circuits\""));
  CHECK(has(told, "[-95.5,29.8,-95.5,29.8],[-95.6,29.8,-95.6,29.8]"));
  CHECK_FALSE(has(told, "-95.4,29.7"));
  // Nothing has happened since: the next event is the next change.
  sse_client third{s.url(), route, {{"Last-Event-ID", second.id()}}};
  s.db().run(restore("X2"));
  CHECK(third.next().name == "layer");
  CHECK(has(third.next("outage").data, "\"X2\",\"gone\":true"));

  for (const char* junk : {"", "none", "a=b", "outages=1,outages=2", "outages=999999999"})
    CHECK(sse_client{s.url(), route, {{"Last-Event-ID", junk}}}.next().name == "snapshot");
  s.db().run("DELETE FROM gridlight.layer_change; UPDATE gridlight.layer_state SET change_floor = version");
  s.db().run(restore("X3"));
  std::this_thread::sleep_for(700ms);
  CHECK(sse_client{s.url(), route, again}.next().name == "snapshot");
}

TEST_CASE("heartbeats, and an end when the time is up or the server stops") {
  demo_server s{{"--set", "events.heartbeat=200ms", "--set", "events.max_duration=1s"}};
  sse_client short_lived{s.url(), route};
  const auto start = steady_clock::now();
  CHECK(short_lived.ends_cleanly());
  CHECK(steady_clock::now() - start < 3s);
  CHECK(short_lived.comments() >= 2);
  sse_client drained{s.url(), route};
  drained.next("snapshot");
  std::thread stopping{[&] { CHECK(s.process().stop() == 0); }};
  CHECK(drained.ends_cleanly(900ms));
  stopping.join();
  CHECK(s.process().wait_for_log("GET " + std::string{route}));
}

TEST_CASE("events need what other routes need, and are refused as elsewhere") {
  const demo_server s;
  http_client client{s.url()};
  for (const char* query : {"?layers=nope", "?bbox=1,2", "?x=1"})
    CHECK(client.get(std::string{route} + query).status == 400);
  const auto head = client.head(route);
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/event-stream");
  CHECK(client.request("POST", route).status == 405);
  CHECK(metric(s, "gridlight_events_listeners") == 0);
}

TEST_CASE("where hidden places changed is told to those alone who may see them") {
  const temp_folder folder;
  const std::string file = (folder.path() / "tokens.yaml").string();
  const auto made = run_gridlight("token dispatcher --scopes read,personal 2>&1 >'" + file + "'");
  REQUIRE(made.status == 0);
  std::string token = made.output.substr(0, made.output.find_last_not_of(" \n") + 1);
  token = token.substr(token.find_last_of(" \n") + 1);
  const demo_server s{{"--set", "auth.tokens_file=" + file, "--set", "auth.anonymous=read"}};
  const std::string target = std::string{route} + "?layers=customers";
  sse_client anybody{s.url(), target + "&bbox=0,0,1,1"},
      dispatcher{s.url(), target, {{"Gridlight-Token", token}}};
  anybody.next("snapshot");
  dispatcher.next("snapshot");
  s.db().run(
      "UPDATE customers_spatial SET longitude = -95.25, latitude = 29.75 WHERE customer_id = (SELECT "
      "min(customer_id) FROM customers_spatial)");
  CHECK(has(anybody.next("layer").data, "\"everything\":true"));
  CHECK(has(dispatcher.next("layer").data, "-95.25,29.75"));
}

namespace {

// Very many listeners on one thread: when each was told what it waits for.
class crowd {
 public:
  crowd(const std::string& url, int count) : poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    const std::string request =
        std::string{"GET "} + route + " HTTP/1.1\r\nHost: h\r\nUser-Agent: a browser\r\n\r\n";
    for (int i = 0; i < count; ++i) {
      const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      REQUIRE(s != -1);
      connect_to(s, port);
      REQUIRE(::send(s, request.data(), request.size(), MSG_NOSIGNAL) > 0);
      epoll_event e{EPOLLIN, {.u32 = static_cast<std::uint32_t>(i)}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, s, &e);
      sockets_.push_back(s);
    }
    texts_.resize(sockets_.size());
  }
  ~crowd() {
    for (const int s : sockets_)
      ::close(s);
    ::close(poll_);
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

  /// How many heard it in time. Forgets what came before.
  std::size_t hear(std::string_view what, std::chrono::milliseconds timeout) {
    const auto until = steady_clock::now() + timeout;
    std::vector<bool> heard(sockets_.size());
    std::size_t count = 0;
    for (auto& text : texts_)
      text.clear();
    std::array<epoll_event, 256> ready;
    static std::array<char, 64 * 1024> block;
    while (count < sockets_.size() && steady_clock::now() < until) {
      const int n = ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), 20);
      for (int i = 0; i < n; ++i) {
        const std::size_t at = ready[static_cast<std::size_t>(i)].data.u32;
        const ssize_t got = ::recv(sockets_[at], block.data(), block.size(), MSG_DONTWAIT);
        if (got <= 0) continue;
        if (heard[at]) continue;
        texts_[at].append(block.data(), static_cast<std::size_t>(got));
        if (texts_[at].find(what) == std::string::npos) continue;
        heard[at] = true;
        texts_[at] = {};
        ++count;
      }
    }
    return count;
  }

 private:
  int poll_;
  std::vector<int> sockets_;
  std::vector<std::string> texts_;
};

}  // namespace

TEST_CASE("very many listeners are all told within a second of the commit, and cost little") {
  const int count = count_of(200, 5000);
  const demo_server s{{"--set", "log.access=false"}};
  http_client{s.url()}.get("/api/postgres/substations/status");
  {
    crowd first{s.url(), 50};  // what the first ones alone cost is not theirs
    REQUIRE(first.hear("\"outages\":[", 20s) == 50);
  }
  const double before = s.resident_kb();
  crowd all{s.url(), count};
  REQUIRE(all.hear("\"outages\":[", 60s) == static_cast<std::size_t>(count));
  std::this_thread::sleep_for(300ms);
  CHECK(metric(s, "gridlight_events_listeners") == count);
  const double each = (s.resident_kb() - before) / count;
  MESSAGE(count << " listeners, " << each << " KB each");
  CHECK(each < 20);
  for (int i = 0; i < 3; ++i) {
    const std::string id = "X" + std::to_string(i);
    s.db().run(open_outage(id));
    const auto start = steady_clock::now();
    CHECK(all.hear("\"id\":\"" + id + "\"", 20s) == static_cast<std::size_t>(count));
    const double ms = std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
    MESSAGE("all told " << ms << " ms after the commit");
    CHECK(ms < limit_ms(1000));
  }
  CHECK(metric(s, "gridlight_events_dropped_total") == 0);
}

TEST_CASE("a browser's EventSource hears of every outage, though its stream is cut again and again") {
  const char* root = std::getenv("GRIDLIGHT_SOURCE_DIR");
  REQUIRE(root != nullptr);
  const std::string folder = std::string{root} + "/tests/browser";
  if (run_command("command -v node && command -v npm && command -v chromium").status != 0) {
    MESSAGE("skipped: node, npm or chromium is missing");
    return;
  }
  if (run_command("cd '" + folder +
                  "' && { [ -d node_modules/playwright-core ] || timeout 120 npm ci "
                  "--ignore-scripts --no-audit --no-fund; } 2>&1")
          .status != 0) {
    MESSAGE("skipped: npm ci cannot install playwright-core");
    return;
  }
  const demo_server s{{"--set", "events.max_duration=1s", "--set", "http.threads=2"}};
  std::atomic<bool> over{false};
  std::thread work{[&] {
    while (!over && metric(s, "gridlight_events_listeners") < 1)
      std::this_thread::sleep_for(20ms);
    // One while it listens, and over the ends of streams and the pauses between them.
    for (int i = 0; !over && i < 8; ++i) {
      s.db().run(open_outage("X" + std::to_string(i)));
      std::this_thread::sleep_for(700ms);
    }
  }};
  const auto heard = run_command("cd '" + folder + "' && timeout 90 node events.mjs " + s.url() +
                                 " X0 X1 X2 X3 X4 X5 X6 X7 2>&1");
  over = true;
  work.join();
  CAPTURE(heard.output);
  CHECK(heard.status == 0);
}
