// What need not be asked of the database: answers that the client has, and those that are kept.
#include "tests/api/grid_bench.hpp"

using namespace gridlight;
using test::grid_bench;

namespace {

constexpr std::string_view grid = R"(
INSERT INTO substations (substation_id, substation_name, latitude, longitude) VALUES ('A', 'One', 29.7, -95.3);
INSERT INTO circuit_status_realtime (circuit_id, substation_id, avg_load_percent, avg_health_score) VALUES ('a1', 'A', 60, 90);
INSERT INTO transformers (transformer_id, latitude, longitude) VALUES ('T1', 29.7, -95.3), ('T2', 29.701, -95.3);
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE gridlight.layer_state SET version = 1;
)";

struct bench : grid_bench {
  bench() {
    db.run(grid);
    services.versions = &known;
    learn();
  }
  // As the keeper does.
  void learn(steady::time_point asked_at = steady::now()) {
    version_store::versions now;
    for (const auto& row : rows("SELECT layer, version FROM gridlight.layer_state"))
      now.emplace(row[0], std::stoll(row[1]));
    known.set(now, asked_at);
  }
  void raise(const std::string& layer) {
    db.run("UPDATE gridlight.layer_state SET version = version + 1 WHERE layer = '" + layer + "'");
  }
  // How many queries one more such request costs.
  std::uint64_t cost(const std::string& target, const std::string& etag = {}) {
    const auto before = pool->status().lanes[static_cast<std::size_t>(postgres::lane::lookup)].acquired;
    if_none_match = etag.empty() ? std::string{} : '"' + etag + '"';
    auto got = get(target);
    if_none_match.clear();
    REQUIRE(got.has_value());
    last = *std::move(got);
    if (last.shared) last.body = *last.shared;
    return pool->status().lanes[static_cast<std::size_t>(postgres::lane::lookup)].acquired - before;
  }
  version_store known;
};

const std::vector<std::string> targets{
    "/api/postgres/layers/transformers/within?lon=-95.3&lat=29.7&radius_m=500",
    "/api/postgres/layers/transformers/within?lon=-95.3&lat=29.7&radius_m=500&f=columns",
    "/api/postgres/layers/transformers/nearest?lon=-95.3&lat=29.7",
    "/api/postgres/layers/transformers/features?bbox=-96,29,-95,30&limit=1",
    "/api/postgres/layers/transformers/features/T1",
    "/api/postgres/substations",
    "/api/postgres/substations/A",
    "/api/postgres/substations/status",
};

}  // namespace

TEST_CASE("a question whose answer the client has costs no query, until a layer of it changes") {
  bench b;
  for (const std::string& target : targets) {
    CAPTURE(target);
    CHECK(b.cost(target) > 0);
    const std::string etag = b.last.etag, versions = b.header("Gridlight-Version");
    CHECK_FALSE(etag.empty());
    CHECK(b.cost(target, etag) == 0);
    CHECK(b.last.etag == etag);
    CHECK(b.last.body.empty());
    CHECK(b.header("Gridlight-Version") == versions);
    CHECK(b.cost(target, "0123456789abcdef") + (target.ends_with("status") ? 1 : 0) > 0);
    CHECK_FALSE(b.last.body.empty());

    b.raise("transformers");
    b.raise("circuits");
    b.learn();
    CHECK(b.cost(target, etag) > 0);
    CHECK(b.last.etag != etag);
    CHECK_FALSE(b.last.body.empty());
  }
}

TEST_CASE("versions that were read too long ago are not trusted, nor is a layer without one") {
  bench b;
  const std::string& target = targets[0];
  b.cost(target);
  const std::string etag = b.last.etag;
  b.learn(steady::now() - version_store::trusted_for - std::chrono::milliseconds{1});
  CHECK(b.cost(target, etag) > 0);
  CHECK(b.cost(targets.back()) > 0);
  CHECK(b.cost(targets.back()) > 0);
  b.known.set({}, steady::now());
  CHECK(b.cost(target, etag) > 0);
  b.services.versions = nullptr;
  CHECK(b.cost(target, etag) > 0);
}

TEST_CASE("the status of all substations is kept until one of its layers changes") {
  bench b;
  const std::string& target = targets.back();
  CHECK(b.cost(target) == 1);
  const http::response first = b.last;
  CHECK(b.cost(target) == 0);
  CHECK(b.last.body == first.body);
  CHECK(b.last.etag == first.etag);
  CHECK(b.header("Gridlight-Version") == "substations=1, circuits=1");

  // Data and version change together; until that is known the answer is of the version it names.
  b.db.run("UPDATE circuit_status_realtime SET avg_load_percent = 99");
  CHECK(b.cost(target) == 0);
  CHECK(b.header("Gridlight-Version") == "substations=1, circuits=1");
  CHECK(b.last.body == first.body);
  b.learn();
  CHECK(b.cost(target) == 1);
  CHECK(b.header("Gridlight-Version") == "substations=1, circuits=2");
  CHECK(b.last.body.find(R"("worst_circuit_load":99)") != std::string::npos);
  CHECK(b.cost(target) == 0);

  // A database set back to an earlier state, which then gets as far again with other data.
  b.db.run("UPDATE gridlight.layer_state SET version = 1 WHERE layer = 'circuits'");
  b.learn();
  b.db.run("UPDATE circuit_status_realtime SET avg_load_percent = 20");
  b.learn();
  CHECK(b.cost(target) == 1);
  CHECK(b.last.body.find(R"("worst_circuit_load":20)") != std::string::npos);
}
