// Tokens, the retry table, and what is sent.
#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <simdjson.h>

#include <fstream>
#include <sstream>

#include "sync/snowflake/credentials.hpp"
#include "sync/snowflake/jwt.hpp"
#include "sync/snowflake/request.hpp"
#include "sync/snowflake/retry.hpp"
#include "tests/support/command.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight;
using namespace gridlight::sync::snowflake;

namespace {

struct key_files {
  key_files() {
    const auto made = test::run_command(
        "cd '" + folder.path().string() +
        "' && exec 2>&1; openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out plain.p8 && "
        "openssl pkcs8 -topk8 -in plain.p8 -passout pass:open -v2 aes-256-cbc -out locked.p8 && "
        "openssl pkey -in plain.p8 -pubout -out public.pem && "
        "openssl pkey -in plain.p8 -pubout -outform DER | openssl dgst -sha256 -binary | openssl enc -base64 "
        "> finger && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out small.p8 && "
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.p8");
    REQUIRE_MESSAGE(made.status == 0, made.output);
  }
  std::string text(const char* name) const {
    std::ifstream in{folder.path() / name};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  key_pair pair(const char* name, const char* phrase = "") const {
    return {"Org-Acct", "loader", secret{text(name)}, secret{phrase}};
  }
  test::temp_folder folder;
};

std::string from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  const std::size_t pad = (4 - text.size() % 4) % 4;
  text.append(pad, '=');
  std::string out(text.size(), '\0');
  const int n =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(n) - pad);
  return out;
}

// Checks the signature with the public key, and gives the claims.
std::string verified(const std::string& token, const std::string& public_pem) {
  const std::size_t first = token.find('.'), last = token.rfind('.');
  BIO* bio = BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  const std::string signature = from_base64url(token.substr(last + 1));
  EVP_DigestVerifyInit(digest, nullptr, EVP_sha256(), nullptr, key);
  const int good =
      EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(token.data()), last);
  EVP_MD_CTX_free(digest);
  EVP_PKEY_free(key);
  BIO_free(bio);
  CHECK(good == 1);
  CHECK(from_base64url(token.substr(0, first)) == R"({"alg":"RS256","typ":"JWT"})");
  return from_base64url(token.substr(first + 1, last - first - 1));
}

wall_clock::time_point clock_now{std::chrono::seconds{1'760'000'000}};
wall_clock::time_point test_clock() {
  return clock_now;
}

std::string why(result<std::unique_ptr<credentials>> r) {
  return r ? "" : r.error().detail;
}

}  // namespace

TEST_CASE("a token is signed with the key and names account, user and fingerprint; it is renewed at 80 %") {
  const key_files files;
  std::string finger = files.text("finger");
  finger.erase(finger.find_last_not_of('\n') + 1);
  const std::string claims = R"({"iss":"ORG-ACCT.LOADER.SHA256:)" + finger +
                             R"(","sub":"ORG-ACCT.LOADER","iat":1760000000,"exp":1760003540})";
  for (const auto& pair : {files.pair("plain.p8"), files.pair("locked.p8", "open")}) {
    clock_now = wall_clock::time_point{std::chrono::seconds{1'760'000'000}};
    const auto who = from_key_pair(pair, test_clock);
    REQUIRE(who.has_value());
    const auto first = (*who)->token();
    REQUIRE(first.has_value());
    CHECK(first->type == "KEYPAIR_JWT");
    CHECK(verified(first->token.reveal(), files.text("public.pem")) == claims);
    clock_now += std::chrono::seconds{2831};
    CHECK((*who)->token()->token.reveal() == first->token.reveal());
    clock_now += std::chrono::seconds{1};
    CHECK((*who)->token()->token.reveal() != first->token.reveal());
  }
}

TEST_CASE("what is wrong with a key is said") {
  const key_files files;
  CHECK(why(from_key_pair(files.pair("locked.p8"))).find("no passphrase") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("locked.p8", "shut"))).find("cannot be decrypted") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("public.pem"))).find("is a public key") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("small.p8"))).find("has 1024 bits") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("ec.p8"))).find("RSA") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("finger"))).find("is not PEM") != std::string::npos);
  CHECK(why(from_key_pair(files.pair("none"))).find("is empty") != std::string::npos);
  key_pair damaged = files.pair("plain.p8");
  std::string text = damaged.private_key.reveal();
  text.erase(100, 64);
  damaged.private_key = secret{text};
  CHECK(why(from_key_pair(damaged)).find("damaged") != std::string::npos);
}

TEST_CASE("accounts and hosts") {
  CHECK(*jwt_account("org-name") == "ORG-NAME");
  CHECK(*jwt_account("xy12345") == "XY12345");
  CHECK(*jwt_account("xy12345.eu-central-1") == "XY12345");
  CHECK(*jwt_account("xy12345.west-europe.azure") == "XY12345");
  CHECK(*jwt_account("xy-12.global") == "XY");
  CHECK(*account_host("Org-My_Acct") == "org-my-acct.snowflakecomputing.com");
  CHECK(*account_host("xy12345.eu-central-1") == "xy12345.eu-central-1.snowflakecomputing.com");
  for (const char* bad : {"", "https://x", "x.snowflakecomputing.com", "a b", "-x", "a\"b"})
    CHECK_FALSE(jwt_account(bad).has_value());
}

TEST_CASE("tokens that are given, and a file that is read each time") {
  const test::temp_folder folder;
  const auto file = folder.path() / "token";
  const auto who = from_token_file(token_kind::oauth, file);
  CHECK_FALSE(who->token().has_value());
  std::ofstream{file} << "one\n";
  CHECK(who->token()->token.reveal() == "one");
  CHECK(who->token()->type == "OAUTH");
  std::ofstream{file} << "two\n";
  CHECK(who->token()->token.reveal() == "two");
  std::ofstream{file} << "two\r\nX-Evil: 1\n";
  CHECK_FALSE(who->token().has_value());
  const auto pat = from_token(token_kind::programmatic, secret{"p"});
  CHECK(pat->token()->type == "PROGRAMMATIC_ACCESS_TOKEN");
  CHECK_FALSE(pat->renew());
}

TEST_CASE("the retry table") {
  for (const call c : {call::submit, call::status, call::partition, call::cancel}) {
    for (const unsigned fatal : {400U, 403U, 404U, 405U, 408U, 415U, 301U, 204U})
      CHECK(judge(c, fatal, "") == verdict::fail);
    for (const unsigned down : {500U, 502U, 503U, 504U})
      CHECK(judge(c, down, "") == verdict::repeat);
    CHECK(judge(c, 401, "390144") == verdict::renew_token);
    CHECK(judge(c, 422, "002003") == verdict::fail);
    CHECK(judge(c, 429, "390505") == (c == call::status ? verdict::running : verdict::back_off));
  }
  CHECK(judge(call::submit, 200, "090001") == verdict::done);
  CHECK(judge(call::status, 200, "391908") == verdict::fail);
  CHECK(judge(call::submit, 200, "") == verdict::fail);
  CHECK(judge(call::submit, 202, "090001") == verdict::running);
  CHECK(judge(call::status, 202, "333334") == verdict::running);
  CHECK(judge(call::partition, 200, "") == verdict::done);
  CHECK(judge(call::partition, 202, "") == verdict::fail);
  CHECK(judge(call::cancel, 200, "000604") == verdict::done);
  CHECK(judge(call::status, 422, "000625") == verdict::submit_anew);
}

TEST_CASE("pauses grow, are shortened at random, and end with the budget") {
  using std::chrono::milliseconds;
  backoff longest{{milliseconds{100}, milliseconds{400}, milliseconds{1100}}, [] { return 1.0; }};
  CHECK(longest.next({}) == milliseconds{100});
  CHECK(longest.next({}) == milliseconds{200});
  CHECK(longest.next({}) == milliseconds{400});
  CHECK(longest.next({}) == milliseconds{400});
  CHECK_FALSE(longest.next({}));
  backoff shortest{{milliseconds{100}, milliseconds{400}, milliseconds{5000}}, [] { return 0.0; }};
  CHECK(shortest.next({}) == milliseconds{50});
  CHECK(shortest.next(std::chrono::seconds{2}) == milliseconds{2100});
  CHECK_FALSE(shortest.next(std::chrono::seconds{60}));
  pacing pace{milliseconds{250}, milliseconds{5000}, [] { return 0.5; }};
  CHECK(pace.next() == milliseconds{250});
  CHECK(pace.next() == milliseconds{375});
  for (int i = 0; i < 10; ++i)
    pace.next();
  CHECK(pace.next() == milliseconds{5000});
  CHECK(read_retry_after(" 7 ") == std::chrono::seconds{7});
  CHECK_FALSE(read_retry_after("Wed, 21 Oct 2026 07:28:00 GMT"));
  CHECK_FALSE(read_retry_after("-1"));
}

TEST_CASE("a refusal carries Snowflake's code, and a hint where its words do not help") {
  answer said;
  said.code = "390144";
  said.message = "JWT token is invalid. [0ce9eb56]";
  const failure f = refused(401, said);
  CHECK(f.code == errc::unauthorized);
  CHECK(f.detail.find("[0ce9eb56]") != std::string::npos);
  CHECK(f.detail.find("public key") != std::string::npos);
  CHECK(is_code(f, "390144"));
  CHECK_FALSE(is_code(f, "39014"));
  CHECK_FALSE(is_code(f, ""));
  CHECK(refused(503, {}).code == errc::database_unavailable);
  CHECK(refused(408, {}).code == errc::deadline);
}

TEST_CASE("addresses and bodies") {
  CHECK(submit_target("u", true, false) == "/api/v2/statements?requestId=u&async=true");
  CHECK(submit_target("u", false, true) == "/api/v2/statements?requestId=u&retry=true");
  CHECK(partition_target("h/../x", 3, "u") == "/api/v2/statements/h%2F%2E%2E%2Fx?requestId=u&partition=3");
  CHECK(cancel_target("h", "u") == "/api/v2/statements/h/cancel?requestId=u");
  const auto id = make_request_id();
  CHECK(id->size() == 36);
  CHECK((*id)[14] == '4');
  CHECK(*id != *make_request_id());

  client_options o;
  o.database = "DB";
  o.warehouse = "W\"H";
  statement s{"SELECT ?,\n'\x01'", {{"TEXT", "a\\b"}, {"FIXED", std::nullopt}}};
  s.parameters = {{"TIMEZONE", "Europe/Vienna"}};
  const auto body = submit_body(s, o, 60);
  REQUIRE(body.has_value());
  simdjson::dom::parser parser;
  const simdjson::dom::element e = parser.parse(*body);
  CHECK(std::string_view{e["statement"]} == "SELECT ?,\n'\x01'");
  CHECK(std::int64_t{e["timeout"]} == 60);
  CHECK(std::string_view{e["warehouse"]} == "W\"H");
  CHECK(std::string_view{e["bindings"]["1"]["value"]} == "a\\b");
  CHECK(e["bindings"]["2"]["value"].is_null());
  CHECK(std::string_view{e["bindings"]["2"]["type"]} == "TEXT");
  CHECK(std::string_view{e["parameters"]["TIMEZONE"]} == "Europe/Vienna");
  CHECK(e["schema"].error() == simdjson::NO_SUCH_FIELD);
  s.statements = 2;
  CHECK_FALSE(submit_body(s, o, 60).has_value());
  CHECK_FALSE(submit_body(statement{"\xff"}, o, 60).has_value());
}
