#include "sync/snowflake/jwt.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

namespace gridlight::sync::snowflake {
namespace {

constexpr int least_bits = 2048;

struct free_bio {
  void operator()(BIO* b) const noexcept { BIO_free_all(b); }
};
struct free_digest {
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

failure unusable(std::string why) {
  ERR_clear_error();
  return {errc::input, "the private key " + std::move(why)};
}

failure no_crypto(std::string_view what) {
  ERR_clear_error();
  return {errc::internal, fmt::format("OpenSSL cannot {}", what)};
}

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out((size + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out = base64(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  out.resize(out.find_last_not_of('=') + 1);
  return out;
}

// Without it OpenSSL would ask at the terminal. `asked` tells an encrypted key from a damaged one.
struct passphrase_source {
  const std::string& phrase;
  bool asked = false;
};
int give_passphrase(char* into, int size, int, void* user) {
  auto& from = *static_cast<passphrase_source*>(user);
  from.asked = true;
  if (from.phrase.empty() || from.phrase.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(into, from.phrase.data(), from.phrase.size());
  return static_cast<int>(from.phrase.size());
}

std::string why_unread(std::string_view pem, const passphrase_source& source) {
  if (source.asked && source.phrase.empty()) return "is encrypted, and there is no passphrase";
  if (source.asked) return "cannot be decrypted: the passphrase is not the one it was encrypted with";
  if (pem.find("-----BEGIN PUBLIC KEY") != pem.npos) return "is a public key; the private one is wanted";
  if (pem.find("-----BEGIN CERTIFICATE") != pem.npos) return "is a certificate; the private key is wanted";
  if (pem.find("-----BEGIN OPENSSH") != pem.npos)
    return "is in OpenSSH's format; PKCS#8 in PEM is wanted (ssh-keygen -p -m PKCS8 converts it)";
  if (pem.find("-----BEGIN") == pem.npos) return "is not PEM: no line \"-----BEGIN PRIVATE KEY-----\"";
  return "is damaged: its PEM text cannot be read";
}

}  // namespace

void free_key::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}

result<private_key> read_private_key(const secret& pem, const secret& passphrase) {
  const std::string& text = pem.reveal();
  if (text.empty()) return unusable("is empty");
  const std::unique_ptr<BIO, free_bio> bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!bio) return no_crypto("read a key");
  passphrase_source source{passphrase.reveal()};
  private_key key{PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &source)};
  if (!key) return unusable(why_unread(text, source));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    const char* kind = OBJ_nid2sn(EVP_PKEY_get_base_id(key.get()));
    return unusable(
        fmt::format("is of the kind {}; Snowflake takes RSA", kind != nullptr ? kind : "unknown"));
  }
  if (const int bits = EVP_PKEY_get_bits(key.get()); bits < least_bits)
    return unusable(fmt::format("has {} bits; Snowflake wants at least {}", bits, least_bits));
  return key;
}

result<std::string> fingerprint(evp_pkey_st* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return no_crypto("write the public key");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), digest);
  OPENSSL_free(der);
  return "SHA256:" + base64(digest, sizeof digest);
}

result<secret> sign_jwt(evp_pkey_st* key, std::string_view subject, std::string_view finger,
                        std::int64_t issued_at, std::int64_t expires_at) {
  const std::string claims = fmt::format(R"({{"iss":"{0}.{1}","sub":"{0}","iat":{2},"exp":{3}}})", subject,
                                         finger, issued_at, expires_at);
  std::string token = base64url(R"({"alg":"RS256","typ":"JWT"})") + "." + base64url(claims);
  const std::unique_ptr<EVP_MD_CTX, free_digest> digest{EVP_MD_CTX_new()};
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t size = signature.size();
  const bool made = digest && EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   reinterpret_cast<const unsigned char*>(token.data()), token.size()) == 1;
  if (!made) return no_crypto("sign a token");
  signature.resize(size);
  token += "." + base64url(signature);
  return secret{std::move(token)};
}

}  // namespace gridlight::sync::snowflake
