#include "tests/support/snowflake/authority.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"

namespace gridlight::test::snowflake {
namespace {

sql_failure refused(const char* code, const std::string& why) {
  return {401, code, "08001", why};
}
// The text is all that a client is told; it is the same for every fault of the token.
sql_failure bad_jwt() {
  return refused("390144", "JWT token is invalid. [5f6e1a5c-7d40-4b11-9d5f-0c8f6a2f9d11]");
}

std::string base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    int v = 0;
    if (c >= 'A' && c <= 'Z')
      v = c - 'A';
    else if (c >= 'a' && c <= 'z')
      v = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      v = c - '0' + 52;
    else if (c == '-' || c == '_')
      v = c == '-' ? 62 : 63;
    else
      throw bad_jwt();
    bits = (bits << 6 | static_cast<std::uint32_t>(v)) & 0xffffff;
    if ((held += 6) < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 255);
  }
  return out;
}

std::string fingerprint(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) throw std::runtime_error{"a public key cannot be written"};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  std::array<unsigned char, 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1> text;
  const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

bool signature_holds(EVP_PKEY* key, std::string_view text, const std::string& signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

struct claims {
  std::string issuer, subject;
  std::int64_t issued = 0, expires = 0;  ///< seconds
};

claims read_claims(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::element e;
  std::string_view issuer, subject;
  claims out;
  if (parser.parse(json).get(e) != simdjson::SUCCESS || e["iss"].get(issuer) != simdjson::SUCCESS ||
      e["sub"].get(subject) != simdjson::SUCCESS || e["iat"].get(out.issued) != simdjson::SUCCESS ||
      e["exp"].get(out.expires) != simdjson::SUCCESS)
    throw bad_jwt();
  for (std::int64_t* t : {&out.issued, &out.expires})
    if (*t > 100'000'000'000) *t /= 1000;
  out.issuer = issuer;
  out.subject = subject;
  return out;
}

}  // namespace

std::string authority::add_key(const std::string& public_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio{
      BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())), &BIO_free};
  std::unique_ptr<EVP_PKEY, free_key> key{PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr)};
  if (!key) throw std::runtime_error{"no public key in PEM"};
  std::string out = fingerprint(key.get());
  const std::lock_guard lock{mutex_};
  keys_[out] = std::move(key);
  return out;
}

void authority::add_token(const std::string& kind, const secret& token, clock::time_point expires) {
  const std::lock_guard lock{mutex_};
  tokens_[token.reveal()] = {kind, expires};
}

void authority::forget_all() {
  const std::lock_guard lock{mutex_};
  keys_.clear();
  tokens_.clear();
}

void authority::check(std::string_view authorization, std::string_view kind, const settings& how) const {
  constexpr std::string_view scheme = "Bearer ";
  if (!authorization.starts_with(scheme))
    throw refused("390101", "Authorization header not found in the request data.");
  const std::string_view token = authorization.substr(scheme.size());
  const bool jwt =
      kind == "KEYPAIR_JWT" || (kind.empty() && std::count(token.begin(), token.end(), '.') == 2);
  if (!kind.empty() && kind != "KEYPAIR_JWT" && kind != "OAUTH" && kind != "PROGRAMMATIC_ACCESS_TOKEN")
    throw sql_failure{400, "390142", "08001", "Unknown token type."};
  jwt ? check_jwt(token, how) : check_token(token, kind);
}

void authority::check_jwt(std::string_view token, const settings& how) const {
  const auto first = token.find('.'), second = token.rfind('.');
  if (first == std::string_view::npos || first == second) throw bad_jwt();
  simdjson::dom::parser parser;
  simdjson::dom::element head;
  std::string_view algorithm;
  if (parser.parse(base64url(token.substr(0, first))).get(head) != simdjson::SUCCESS ||
      head["alg"].get(algorithm) != simdjson::SUCCESS || algorithm != "RS256")
    throw bad_jwt();
  const claims c = read_claims(base64url(token.substr(first + 1, second - first - 1)));
  const std::string subject = upper(how.account) + "." + upper(how.user), prefix = subject + ".SHA256:";
  if (c.subject != subject || !c.issuer.starts_with(prefix)) throw bad_jwt();
  const std::int64_t now = clock::to_time_t(clock::now());
  constexpr std::int64_t ahead_s = 60;
  const std::int64_t longest_s = std::chrono::floor<std::chrono::seconds>(how.jwt_life).count();
  if (c.issued > now + ahead_s || now >= c.expires || now >= c.issued + longest_s) throw bad_jwt();
  const std::lock_guard lock{mutex_};
  const auto key = keys_.find(c.issuer.substr(prefix.size()));
  if (key == keys_.end() ||
      !signature_holds(key->second.get(), token.substr(0, second), base64url(token.substr(second + 1))))
    throw bad_jwt();
}

void authority::check_token(std::string_view token, std::string_view kind) const {
  const std::lock_guard lock{mutex_};
  const auto found = tokens_.find(token);
  const bool oauth = kind == "OAUTH" || (found != tokens_.end() && found->second.kind == "OAUTH");
  if (found == tokens_.end() || (!kind.empty() && found->second.kind != kind))
    throw oauth ? refused("390303", "Invalid OAuth access token.")
                : refused("390100", "Incorrect username or password was specified.");
  if (clock::now() < found->second.expires) return;
  throw oauth ? refused("390318", "OAuth access token expired.")
              : refused("390100", "Programmatic access token has expired.");
}

}  // namespace gridlight::test::snowflake
