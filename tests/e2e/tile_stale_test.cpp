// Postgres is away: what is kept is served, labelled, for as long as limits.stale_for says, and no longer.
#include "geo/tile.hpp"
#include "tests/support/fault_bench.hpp"

using namespace gridlight::test;

namespace {

constexpr std::chrono::seconds stale_for{12};
const std::string status_url = "/api/postgres/substations/status";

struct stale_bench : fault_bench {
  stale_bench() : fault_bench({}, {"--set", "limits.stale_for=12s", "--set", "tiles.build=false"}) {
    const std::string place = cluster.value(
        "SELECT longitude || ' ' || latitude FROM transformers WHERE geom IS NOT NULL ORDER BY 1 LIMIT 1");
    const gridlight::geo::lonlat at{std::stod(place), std::stod(place.substr(place.find(' ')))};
    kept = url_of("transformers", at, 14);
    not_kept = url_of("transformers", at, 13);
    outdated = url_of("transformers", at, 15);
  }

  static std::string url_of(const std::string& layers, const gridlight::geo::lonlat& at, int z) {
    const gridlight::geo::tile t = gridlight::geo::tile_at(at, z);
    return "/api/postgres/tiles/" + layers + "/" + std::to_string(t.z) + "/" + std::to_string(t.x) + "/" +
           std::to_string(t.y);
  }
  http_reply ask(const std::string& url, const std::string& etag = {}) const {
    http_headers headers;
    if (!etag.empty()) headers.emplace_back("If-None-Match", etag);
    return http_client{server->url()}.get(url, headers);
  }

  std::string kept, not_kept, outdated;
};

void check_503(const http_reply& r) {
  CHECK(r.status == 503);
  CHECK(r.has("Retry-After"));
  CHECK_FALSE(r.has("Gridlight-Stale"));
}

}  // namespace

TEST_CASE(
    "Postgres goes: what is kept is served with its age, then not at all; Postgres comes: all is fresh") {
  stale_bench b;
  const http_reply tile = b.ask(b.kept), status = b.ask(status_url);
  const http_reply old = b.ask(b.outdated);
  REQUIRE(tile.status == 200);
  REQUIRE(old.status == 200);
  REQUIRE(status.status == 200);
  CHECK_FALSE(tile.has("Gridlight-Stale"));
  // The server learns that these have changed, and is not asked for them before the outage.
  b.cluster.value("UPDATE transformers SET rated_kva = coalesce(rated_kva, 0) + 1 RETURNING 1");
  b.pause(1000, 1000);
  const http_reply tile_now = b.ask(b.kept);
  CHECK(tile_now.header("ETag") != tile.header("ETag"));
  const std::string etag = tile_now.header("ETag");

  const auto away = steady_clock::now();
  b.cluster.kill_postmaster();
  REQUIRE(fault_bench::comes_true(3s, [&] { return b.ask(b.kept).has("Gridlight-Stale"); }));
  CHECK(b.get("/ready").status == 503);
  const http_reply health = b.get("/health");
  CHECK(health.status == 503);
  CHECK(health.body.find("\"answers\":false") != std::string::npos);
  int last = 0, seen = 0;
  double slowest_ms = 0;
  while (steady_clock::now() - away < stale_for - 7s) {
    for (const std::string& url : {b.kept, status_url, b.outdated}) {
      CAPTURE(url);
      const auto start = steady_clock::now();
      const http_reply r = b.ask(url);
      slowest_ms = std::max(slowest_ms, since_ms(start));
      REQUIRE(r.status == 200);
      REQUIRE(r.has("Gridlight-Stale"));
      const int age = std::stoi(r.header("Gridlight-Stale"));
      CHECK(age >= last);
      CHECK(age <= since_ms(away) / 1000 + 1);
      last = age;
      ++seen;
    }
    const http_reply same = b.ask(b.kept, etag);
    CHECK(same.status == 304);
    CHECK(same.has("Gridlight-Stale"));
    CHECK(same.body.empty());
    const http_reply unchanged = b.ask(status_url, status.header("ETag"));
    CHECK(unchanged.status == 304);
    CHECK(unchanged.has("Gridlight-Stale"));
    CHECK(b.ask(b.kept).body == tile_now.body);
    const http_reply older = b.ask(b.outdated);
    CHECK(older.body == old.body);
    CHECK(older.header("ETag") == old.header("ETag"));
    CHECK(older.header("Gridlight-Version") == old.header("Gridlight-Version"));
    const auto start = steady_clock::now();
    check_503(b.ask(b.not_kept));
    slowest_ms = std::max(slowest_ms, since_ms(start));
    b.pause(200, 200);
  }
  MESSAGE(seen << " stale answers, the slowest after " << slowest_ms << " ms");
  CHECK(seen >= 6);
  CHECK(last >= 3);
  CHECK(slowest_ms < limit_ms(300));
  std::this_thread::sleep_until(away + stale_for + 300ms);
  for (const std::string& url : {b.kept, status_url, b.outdated, b.not_kept}) {
    CAPTURE(url);
    check_503(b.ask(url));
    check_503(b.ask(url, etag));
  }

  b.cluster.launch();
  b.cluster.wait_until_accepting();
  const auto back = steady_clock::now();
  const auto is_fresh = [&](const std::string& url) {
    const http_reply r = b.ask(url);
    return r.status == 200 && !r.has("Gridlight-Stale");
  };
  for (const std::string& url : {b.kept, status_url, b.outdated, b.not_kept})
    REQUIRE(fault_bench::comes_true(10s, [&] { return is_fresh(url); }));
  MESSAGE("fresh again after " << since_ms(back) << " ms");
  CHECK(since_ms(back) < limit_ms(1000));
  CHECK(b.ask(b.outdated).header("ETag") != old.header("ETag"));
  CHECK(b.ask(b.kept).header("ETag") == etag);
  CHECK(b.get("/ready").status == 200);
}

TEST_CASE("Postgres hangs: what is kept is served with its age at once, and fresh when it goes on") {
  stale_bench b;
  const http_reply tile = b.ask(b.kept);
  REQUIRE(tile.status == 200);
  REQUIRE(b.ask(status_url).status == 200);
  b.cluster.freeze();
  REQUIRE(fault_bench::comes_true(3s, [&] { return b.ask(b.kept).has("Gridlight-Stale"); }));
  const auto start = steady_clock::now();
  const http_reply stale = b.ask(b.kept);
  CHECK(stale.body == tile.body);
  CHECK(since_ms(start) < limit_ms(100));
  const auto asked = steady_clock::now();
  const http_reply status = b.ask(status_url);
  MESSAGE("the status of a database that hangs after " << since_ms(asked) << " ms");
  CHECK(status.status == 200);
  CHECK(status.has("Gridlight-Stale"));
  CHECK(since_ms(asked) < limit_ms(2000));
  check_503(b.ask(b.not_kept));
  b.cluster.thaw();
  const auto back = steady_clock::now();
  REQUIRE(fault_bench::comes_true(10s, [&] {
    const http_reply r = b.ask(b.kept);
    return r.status == 200 && !r.has("Gridlight-Stale");
  }));
  MESSAGE("fresh again after " << since_ms(back) << " ms");
  CHECK(since_ms(back) < limit_ms(1000));
}

TEST_CASE("with limits.stale_for 0s nothing stale is served") {
  fault_bench b{{}, {"--set", "limits.stale_for=0s", "--set", "tiles.build=false"}};
  const std::string url = "/api/postgres/tiles/transformers/0/0/0";
  REQUIRE(b.get(url).status == 200);
  b.cluster.kill_postmaster();
  CHECK(fault_bench::comes_true(5s, [&] { return b.get(url).status == 503; }));
  check_503(b.get(url));
  check_503(b.get(status_url));
}
