#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "server/identity/authority.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace gridlight::identity;
using boost::asio::ip::make_address;

namespace {

std::string hash_of(std::string_view token) {
  return text_of(sha256(token));
}

std::string fault_of(std::string_view yaml) {
  const auto tokens = parse_tokens(yaml, "t.yaml");
  REQUIRE(tokens.has_error());
  CHECK(tokens.error().code == errc::input);
  return tokens.error().detail;
}

struct header {
  std::string name, value;
};
boost::beast::http::fields fields(const std::vector<header>& all) {
  boost::beast::http::fields out;
  for (const header& h : all)
    out.insert(h.name, h.value);
  return out;
}

constexpr const char* tokens_of_test = R"(
- {name: reader, hash: "HASH1", scopes: [read]}
- {name: dispatcher, hash: "HASH2", scopes: "read, personal", priority: true}
- {name: old, hash: "HASH3", scopes: [read, write], expires: 2026-01-31T01:00:00+01:00}
)";

std::string with_hashes() {
  std::string out = tokens_of_test;
  for (const char* n : {"1", "2", "3"})
    out.replace(out.find(std::string{"HASH"} + n), 5, hash_of(std::string{"token"} + n));
  return out;
}

struct office {
  explicit office(config c = {}) : settings(std::move(c)) {
    settings.auth.tokens_file = folder.path() / "tokens.yaml";
    write(with_hashes());
    who.emplace(settings);
    REQUIRE(who->load().has_value());
  }
  void write(const std::string& text) const { std::ofstream{settings.auth.tokens_file} << text; }
  authority::verdict ask(const std::vector<header>& headers, const char* peer = "192.0.2.1",
                         clock::time_point now = *read_time("2026-01-30")) const {
    return who->identify(fields(headers), make_address(peer), now);
  }
  test::temp_folder folder;
  config settings;
  std::optional<authority> who;
};

}  // namespace

TEST_CASE("a token is long, of its own, and what is kept is its SHA-256") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto token = make_token();
    REQUIRE(token.has_value());
    CHECK(token->size() == 46);
    CHECK(token->starts_with("gl_"));
    CHECK(token->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(seen.insert(*token).second);
  }
  CHECK(hash_of("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(read_digest(hash_of("abc")) == sha256("abc"));
}

TEST_CASE("a digest is read whole or not") {
  const std::string good = hash_of("x");
  for (const std::string& wrong :
       {std::string{}, good.substr(7), good.substr(0, good.size() - 1), good + "0",
        "SHA256:" + good.substr(7), "sha256:" + std::string(64, 'g'), "sha256:" + std::string(64, 'A')})
    CHECK_FALSE(read_digest(wrong).has_value());
}

TEST_CASE("equal sees every bit") {
  const digest a = sha256("a");
  CHECK(equal(a, a));
  for (std::size_t byte = 0; byte < a.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      digest b = a;
      b[byte] = static_cast<unsigned char>(b[byte] ^ 1 << bit);
      CHECK_FALSE(equal(a, b));
    }
  }
}

TEST_CASE("times of expiry") {
  using namespace std::chrono;
  const auto at = read_time("2026-01-31T00:00:00Z");
  REQUIRE(at.has_value());
  CHECK(*at == sys_days{2026y / January / 31});
  CHECK(read_time("2026-01-31") == at);
  CHECK(read_time("2026-01-31T05:30:00+05:30") == at);
  CHECK(read_time("2026-01-30T19:00:00-05:00") == at);
  CHECK(read_time("2024-02-29").has_value());
  CHECK(read_time("9999-12-31T23:59:59Z") > read_time("2261-12-31"));
  CHECK(read_time("0000-01-01") < read_time("1970-01-01"));
  for (const char* wrong : {"", "2026", "2026-1-31", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-31T",
                            "soon", "2026-01-31T24:00:00Z", "2026-01-31T00:60:00Z", "2026-01-31T00:00:60Z",
                            "2026-01-31T00:00:00", "2026-01-31T00:00:00z", "2026-01-31T00:00:00+1:00",
                            "2026-01-31T00:00:00+01:00x", "2026-01-31 00:00:00Z", "-026-01-01"})
    CHECK_MESSAGE(!read_time(wrong).has_value(), wrong);
}

TEST_CASE("a file of tokens") {
  const auto tokens = parse_tokens(with_hashes(), "t.yaml");
  REQUIRE(tokens.has_value());
  REQUIRE(tokens->size() == 3);
  const token_entry& second = (*tokens)[1];
  CHECK(second.name == "dispatcher");
  CHECK(second.hash == sha256("token2"));
  CHECK(second.allowed.has(scope::read));
  CHECK(second.allowed.has(scope::personal));
  CHECK_FALSE(second.allowed.has(scope::write));
  CHECK(second.priority);
  CHECK_FALSE(second.expires.has_value());
  CHECK((*tokens)[2].expires == read_time("2026-01-31"));
  CHECK_FALSE((*tokens)[0].priority);
  CHECK(parse_tokens("", "t.yaml")->empty());
  CHECK(parse_tokens("# none yet\n", "t.yaml")->empty());
  CHECK(parse_tokens("[]", "t.yaml")->empty());
  const auto again = parse_tokens(entry_text((*tokens)[2], "2026-01-31"), "t.yaml");
  REQUIRE(again.has_value());
  CHECK((*again)[0].hash == (*tokens)[2].hash);
  CHECK((*again)[0].allowed == (*tokens)[2].allowed);
  CHECK((*again)[0].expires == (*tokens)[2].expires);
}

TEST_CASE("a bad file of tokens says line and fault, and never shows what stands for a hash") {
  const std::string h = "hash: \"" + hash_of("x") + "\"";
  CHECK(contains(fault_of("a: 1"), "t.yaml:1: must be a list"));
  CHECK(contains(fault_of("- a\n"), "token 1 must be a map"));
  CHECK(contains(fault_of("- {name: a}\n"), "token 1 has no hash"));
  CHECK(contains(fault_of("- {name: a}\n"), "token 1 has no scopes"));
  CHECK(contains(fault_of("- {" + h + ", scopes: read}\n"), "token 1 has no name"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: [reed]}\n"), "t.yaml:1: token 1.scopes is reed"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: []}\n"), "token 1.scopes is empty"));
  CHECK(contains(fault_of("- {name: \"a b\", " + h + ", scopes: read}\n"), "token 1.name is a b"));
  CHECK(
      contains(fault_of("- {name: a, " + h + ", scopes: read, priority: yes}\n"), "token 1.priority is yes"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: read, expires: never}\n"),
                 "token 1.expires is never"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: read, expires: }\n"), "token 1.expires is empty"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scope: read}\n"), "did you mean token 1.scopes"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: read}\n- {name: a, hash: \"" + hash_of("y") +
                          "\", scopes: read}\n"),
                 "two tokens have the name a"));
  CHECK(contains(fault_of("- {name: a, " + h + ", scopes: read}\n- {name: b, " + h + ", scopes: read}\n"),
                 "token b has the hash of another"));
  CHECK(contains(fault_of("- {name: a, " + h), "is no YAML"));
  CHECK(contains(fault_of(std::string(2 << 20, '#')), "larger than 1MB"));
  const std::string plain = fault_of("- {name: a, hash: gl_thesecretitself, scopes: read}\n");
  CHECK(contains(plain, "token 1.hash is ***; it must be sha256: and 64"));
  CHECK_FALSE(contains(plain, "thesecretitself"));
}

TEST_CASE("who asks: none, a token in either header, a wrong one, an expired one") {
  const office o;
  CHECK(o.ask({}).who.anonymous());
  CHECK(o.ask({}).who.allowed == scopes{scope::read});
  for (const auto& h : {header{"Authorization", "Bearer token2"}, header{"authorization", "bEARER   token2"},
                        header{"Gridlight-Token", "token2"}}) {
    const auto got = o.ask({h});
    CHECK_FALSE(got.refused.has_value());
    CHECK(got.who.token == "dispatcher");
    CHECK(got.who.allowed.has(scope::personal));
    CHECK(got.who.priority);
  }
  for (const auto& h :
       {header{"Authorization", "Bearer token4"}, header{"Authorization", "Bearer "},
        header{"Gridlight-Token", ""}, header{"Authorization", "Bearer token2 x"},
        header{"Gridlight-Token", "TOKEN2"}, header{"Gridlight-Token", std::string(5000, 'x')},
        header{"Gridlight-Token", hash_of("token2")}}) {
    const auto got = o.ask({h});
    REQUIRE(got.refused.has_value());
    CHECK(got.refused->code == errc::unauthorized);
    CHECK(got.refused->detail == "the token is not known");
    CHECK(got.who.token.empty());
  }
  CHECK_FALSE(o.ask({{"Authorization", "Bearertoken4"}}).refused.has_value());
  CHECK(o.ask({{"Authorization", "Basic dXNlcjpwYXNz"}}).who.anonymous());
  CHECK_FALSE(o.ask({{"Authorization", "Basic dXNlcjpwYXNz"}}).refused.has_value());
  CHECK(o.ask({{"Authorization", "Bearer of-the-ingress"}, {"Gridlight-Token", "token1"}}).who.token ==
        "reader");
  CHECK(o.ask({{"Gridlight-Token", "token1"}, {"Gridlight-Token", "token1"}}).refused.has_value());
  CHECK(o.ask({{"Authorization", "Bearer token1"}, {"Authorization", "Bearer token2"}}).refused.has_value());

  CHECK(o.ask({{"Gridlight-Token", "token3"}}).who.allowed.has(scope::write));
  const auto late = o.ask({{"Gridlight-Token", "token3"}}, "192.0.2.1", *read_time("2026-01-31"));
  REQUIRE(late.refused.has_value());
  CHECK(late.refused->detail == "the token has expired");
  CHECK(late.who.token == "old");
  CHECK(late.who.allowed.empty());
}

TEST_CASE("an ingress's user counts from its networks alone") {
  config c;
  c.auth.trusted_user_header = "X-User";
  c.auth.trusted_user_networks = {"10.1.0.0/16", "2001:db8::/33"};
  c.auth.trusted_user_scopes = {"read", "personal"};
  const office o{c};
  for (const char* peer : {"10.1.2.3", "::ffff:10.1.0.1", "2001:db8:7fff::1"}) {
    const auto got = o.ask({{"X-User", "anna"}}, peer);
    CHECK(got.who.user == "anna");
    CHECK(got.who.allowed.has(scope::personal));
  }
  for (const char* peer : {"10.2.0.1", "127.0.0.1", "2001:db8:8000::1", "::1"}) {
    CHECK(o.ask({{"X-User", "anna"}}, peer).who.anonymous());
    CHECK_FALSE(o.ask({{"X-User", "anna"}}, peer).who.allowed.has(scope::personal));
  }
  CHECK(o.ask({{"X-User", ""}}, "10.1.2.3").who.anonymous());
  CHECK_FALSE(o.ask({{"X-User", ""}}, "10.1.2.3").who.allowed.has(scope::personal));
  CHECK(o.ask({{"X-User", "anna"}, {"X-User", "eve"}}, "10.1.2.3").refused.has_value());
  // The ingress's own credentials are no token of ours; a token of ours decides, and the user is kept for the
  // log.
  CHECK_FALSE(o.ask({{"X-User", "anna"}, {"Authorization", "Bearer jwt"}}, "10.1.2.3").refused.has_value());
  const auto both = o.ask({{"X-User", "anna"}, {"Gridlight-Token", "token1"}}, "10.1.2.3");
  CHECK(both.who.token == "reader");
  CHECK(both.who.user == "anna");
  CHECK_FALSE(both.who.allowed.has(scope::personal));
}

TEST_CASE("networks: whole bytes, bits, single addresses, everything") {
  const std::vector<std::string> some{"10.0.0.0/9", "192.0.2.7", "::1"}, all4{"0.0.0.0/0"}, all6{"::/0"};
  const networks n{some};
  CHECK(n.contains(make_address("10.127.255.255")));
  CHECK_FALSE(n.contains(make_address("10.128.0.0")));
  CHECK(n.contains(make_address("192.0.2.7")));
  CHECK_FALSE(n.contains(make_address("192.0.2.6")));
  CHECK(n.contains(make_address("::1")));
  CHECK_FALSE(n.contains(make_address("::2")));
  CHECK(networks{all4}.contains(make_address("203.0.113.9")));
  CHECK_FALSE(networks{all4}.contains(make_address("2001:db8::1")));
  CHECK(networks{all6}.contains(make_address("203.0.113.9")));
  CHECK_FALSE(networks{}.contains(make_address("127.0.0.1")));
}

TEST_CASE("what a caller may do") {
  caller anonymous, token{"t", "", scope::read, false}, blind{"t", "", scope::personal, false};
  CHECK_FALSE(refusal(anonymous, access::open).has_value());
  CHECK_FALSE(refusal(anonymous, access::read).has_value());
  CHECK(refusal(anonymous, access::write)->code == errc::unauthorized);
  CHECK(refusal(token, access::write)->code == errc::forbidden);
  CHECK_FALSE(refusal(token, access::read).has_value());
  CHECK(refusal(blind, access::read)->code == errc::forbidden);
  anonymous.allowed = {};
  CHECK(refusal(anonymous, access::read)->code == errc::unauthorized);
  CHECK_FALSE(refusal(anonymous, access::open).has_value());
}

TEST_CASE("tokens are read anew, and a broken file leaves them") {
  office o;
  o.write("- {name: new, hash: \"" + hash_of("token9") + "\", scopes: read}\n");
  CHECK(o.ask({{"Gridlight-Token", "token9"}}).refused.has_value());
  REQUIRE(o.who->load().has_value());
  CHECK(o.ask({{"Gridlight-Token", "token9"}}).who.token == "new");
  CHECK(o.ask({{"Gridlight-Token", "token1"}}).refused.has_value());
  o.write("- broken");
  CHECK(o.who->load().has_error());
  CHECK(o.ask({{"Gridlight-Token", "token9"}}).who.token == "new");
  std::remove(o.settings.auth.tokens_file.c_str());
  const auto gone = o.who->load();
  REQUIRE(gone.has_error());
  CHECK(contains(gone.error().detail, "cannot be read: No such file"));
  o.write("");
  REQUIRE(o.who->load().has_value());
  CHECK(o.ask({{"Gridlight-Token", "token9"}}).refused.has_value());
}

TEST_CASE("where serve may listen, and what callers without a token may do there") {
  config c;
  const auto sealed = [&](bool on) { c.http.tls.certificate = c.http.tls.key = on ? "x.pem" : ""; };
  for (const char* address : {"127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"}) {
    c.http.address = address;
    CHECK_FALSE(refusal_to_listen(c).has_value());
    CHECK(anonymous_may_read(c));
  }
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "::ffff:10.0.0.1"}) {
    CAPTURE(address);
    c = {};
    c.http.address = address;
    const auto why = refusal_to_listen(c);
    REQUIRE(why.has_value());
    CHECK(contains(*why, std::string{"http.address "} + address));
    CHECK(contains(*why, "http.tls.certificate"));
    CHECK(contains(*why, "auth.tokens_file"));
    CHECK(contains(*why, "http.open: true"));
    CHECK_FALSE(anonymous_may_read(c));
    sealed(true);
    CHECK(contains(refusal_to_listen(c).value_or(""), "Set tokens"));
    c.auth.tokens_file = "t.yaml";
    CHECK_FALSE(refusal_to_listen(c).has_value());
    CHECK_FALSE(anonymous_may_read(c));
    sealed(false);
    CHECK(contains(refusal_to_listen(c).value_or(""), "Set TLS"));
    c.auth.tokens_file = "";
    c.http.open = true;
    CHECK_FALSE(refusal_to_listen(c).has_value());
    CHECK(anonymous_may_read(c));
    c.auth.anonymous = "none";
    CHECK_FALSE(anonymous_may_read(c));
  }
}
