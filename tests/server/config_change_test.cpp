#include "server/config_change.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "server/config_keys.hpp"
#include "server/schema_version.hpp"
#include "tests/server/config_support.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace gridlight::config_detail;

namespace {

using names = std::vector<std::string>;

bool has(const names& in, const std::string& name) {
  return std::find(in.begin(), in.end(), name) != in.end();
}

// Another value than the default, of each kind of rule.
bool change(const setting& s, config& c) {
  const config before = c;
  for (const char* text : {"true",
                           "false",
                           "7",
                           "0.5",
                           "70",
                           "7s",
                           "70s",
                           "7m",
                           "70KB",
                           "debug",
                           "json",
                           "read",
                           "none",
                           "personal",
                           "pat",
                           "end",
                           "/health",
                           "10.0.0.0/8",
                           "https://a.example",
                           "0.0.0.0",
                           "/x",
                           "X-User",
                           "host=h",
                           "abc"}) {
    const std::string value{text};
    if (s.store(c, std::span{&value, 1}) && !s.same(before, c)) return true;
    c = before;
  }
  return false;
}

}  // namespace

TEST_CASE("each setting that differs is taken, or named and left as it is") {
  const config running = good("");
  for (const setting& s : settings_table()) {
    INFO(s.name);
    config next = running;
    REQUIRE(change(s, next));
    auto out = compare(running, next);
    if (out.has_error()) {  // some need another: what is refused is that
      CHECK_FALSE(contradictions(next).empty());
      continue;
    }
    const bool waits = s.restart || s.name.starts_with("http.tls.c") || s.name == "http.tls.key";
    CHECK(has(out->restart, s.name) == waits);
    CHECK(has(out->changed, s.name) == !waits);
    CHECK(out->changed.size() + out->restart.size() == 1);
    CHECK(s.same(out->merged, waits ? running : next));
    CHECK(out->sync == s.name.starts_with("sync."));
    CHECK_FALSE(out->layers);
  }
}

TEST_CASE("what waits for a restart is said in the reference") {
  const std::string all = config_reference();
  for (const setting& s : settings_table()) {
    INFO(s.name);
    const auto at = all.find("\n" + s.name + "\n");
    const std::string entry = all.substr(at, all.find("\n\n", at + 1) - at);
    CHECK((entry.find("Needs a restart.") != entry.npos) == s.restart);
  }
  CHECK(find_setting("http.port")->restart);
  CHECK(find_setting("postgres.uri")->restart);
  CHECK_FALSE(find_setting("limits.max_limit")->restart);
}

TEST_CASE("layers that come, go, change or move") {
  const std::string a = "a: {key: id}", b = "b: {key: id}", b2 = "b: {key: [id, at]}", c = "c: {key: id}";
  const config running = good("layers: {" + a + ", " + b + "}");
  const auto of = [&](const std::string& layers) {
    auto out = compare(running, good("layers: {" + layers + "}"));
    REQUIRE(out.has_value());
    return *std::move(out);
  };
  CHECK(of(a + ", " + b).changed.empty());
  CHECK_FALSE(of(a + ", " + b).layers);
  CHECK(of(a + ", " + b2 + ", " + c).changed == names{"layers.b", "layers.c (new)"});
  CHECK(of(a).changed == names{"layers.b (removed)"});
  CHECK(of(b + ", " + a).changed == names{"layers (order)"});
  CHECK(of(b + ", " + a).layers);
  CHECK(of(a).sync);  // its tables stand for layers
}

TEST_CASE("a secret that differs is noticed, and not shown") {
  const config running = good("sync: {snowflake: {passphrase: one}}");
  const auto out = compare(running, good("sync: {snowflake: {passphrase: two}}"));
  REQUIRE(out.has_value());
  CHECK(out->changed == names{"sync.snowflake.passphrase"});
  CHECK(out->sync);
  CHECK(out->merged.sync.snowflake.passphrase.reveal() == "two");
}

TEST_CASE("TLS is turned on or off by a restart; other files are taken") {
  const config plain = good(""), sealed = good("http: {tls: {certificate: a.pem, key: a.key}}");
  const auto on = compare(plain, sealed);
  REQUIRE(on.has_value());
  CHECK(on->restart == names{"http.tls.certificate", "http.tls.key"});
  CHECK_FALSE(on->merged.http.tls.enabled());
  const auto off = compare(sealed, plain);
  REQUIRE(off.has_value());
  CHECK(off->merged.http.tls.enabled());
  const auto other = compare(sealed, good("http: {tls: {certificate: b.pem, key: a.key}}"));
  REQUIRE(other.has_value());
  CHECK(other->changed == names{"http.tls.certificate"});
  CHECK(other->merged.http.tls.certificate == "b.pem");
}

TEST_CASE("schemas one version apart are served, others are not") {
  using kind = schema_verdict::kind;
  const auto is = [](std::optional<int> found) { return judge_schema(found, 7).is; };
  CHECK(is(std::nullopt) == kind::none);
  CHECK(is(0) == kind::none);
  CHECK(is(7) == kind::right);
  CHECK(is(6) == kind::older);
  CHECK(is(8) == kind::newer);
  CHECK(is(5) == kind::too_old);
  CHECK(is(9) == kind::too_new);
  CHECK(judge_schema(7, 7).text.empty());
  CHECK(
      judge_schema(5, 7).text ==
      "the database's schema is version 5, this program's is 7, which serves 6 and 7; run gridlight migrate");
}
