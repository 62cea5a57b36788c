#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <simdjson.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/snowflake/source.hpp"

namespace gridlight::test {

/// Parsed JSON with the parser that holds it.
struct json_text {
  explicit json_text(const std::string& text) : value(parser.parse(text).value()) {}
  std::string text(std::string_view pointer) const {
    const simdjson::dom::element e = value.at_pointer(pointer).value();
    if (e.is_null()) return "NULL";
    return e.is_string() ? std::string{e.get_string().value()} : std::string{simdjson::to_string(e)};
  }
  std::vector<std::vector<std::string>> rows(std::string_view pointer = "/data") const {
    std::vector<std::vector<std::string>> out;
    for (const auto row : value.at_pointer(pointer).get_array()) {
      auto& line = out.emplace_back();
      for (const auto cell : row.get_array())
        line.emplace_back(cell.is_null() ? "NULL" : std::string{cell.get_string().value()});
    }
    return out;
  }
  simdjson::dom::parser parser;
  simdjson::dom::element value;
};

/// base64url of bytes.
inline std::string base64url(std::string_view bytes) {
  std::string out(4 * (bytes.size() / 3 + 1) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                                      static_cast<int>(bytes.size()))));
  while (out.back() == '=')
    out.pop_back();
  for (char& c : out)
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

/// A token signed with the key in a file.
inline std::string make_jwt(const std::filesystem::path& key_file, const std::string& claims) {
  std::FILE* file = std::fopen(key_file.c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  std::string text = base64url(R"({"alg":"RS256","typ":"JWT"})") + "." + base64url(claims);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 0;
  std::string signature(512, '\0');
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  size = signature.size();
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return text + "." + base64url(signature.substr(0, size));
}

/// An emulated account with database GRIDLIGHT and schema PUBLIC, and a client that knows only HTTP and TLS.
struct snow_bench {
  explicit snow_bench(snowflake::settings how = {}) : source(std::move(how)) {
    snow.doors().add_token("PROGRAMMATIC_ACCESS_TOKEN", secret{"a-token"},
                           std::chrono::system_clock::now() + std::chrono::hours{1});
    headers = {{"Authorization", "Bearer a-token"},
               {"Accept", "application/json"},
               {"Content-Type", "application/json"},
               {"User-Agent", "test/1"},
               {"X-Snowflake-Authorization-Token-Type", "PROGRAMMATIC_ACCESS_TOKEN"}};
  }

  /// On a connection of its own. \throws boost::system::system_error when that breaks
  http_reply send(const std::string& method, const std::string& target, const std::string& body = {}) const {
    namespace beast = boost::beast;
    boost::asio::io_context io;
    boost::asio::ssl::context tls{boost::asio::ssl::context::tls_client};
    tls.load_verify_file(snow.files().certificate.string());
    tls.set_verify_mode(boost::asio::ssl::verify_peer);
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream{io, tls};
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), snow.port()});
    stream.handshake(stream.client);
    beast::http::request<beast::http::string_body> request{beast::http::string_to_verb(method), target, 11};
    for (const auto& [name, value] : headers)
      request.set(name, value);
    request.set("Host", "localhost");
    request.body() = body;
    request.prepare_payload();
    beast::http::write(stream, request);
    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(1 << 30);
    beast::http::read(stream, buffer, parser);
    auto answer = parser.release();
    return {static_cast<int>(answer.result_int()), true, true, std::move(answer.base()),
            std::move(answer.body())};
  }

  /// POSTs a statement. `more` are further members of the body, with a comma before each.
  http_reply post(const std::string& sql, const std::string& more = {}, const std::string& query = {}) const {
    return send("POST", "/api/v2/statements" + query,
                "{\"statement\":" + snowflake::json(sql) + R"(,"database":"GRIDLIGHT","schema":"PUBLIC")" +
                    more + "}");
  }
  http_reply get(const std::string& handle, const std::string& query = {}) const {
    return send("GET", "/api/v2/statements/" + handle + query);
  }
  std::vector<std::vector<std::string>> rows(const std::string& sql, const std::string& more = {}) const {
    const http_reply r = post(sql, more);
    if (r.status != 200) throw std::runtime_error{r.body};
    return json_text{r.body}.rows();
  }
  /// "422 002003" and the like.
  static std::string verdict(const http_reply& r) {
    return std::to_string(r.status) + " " + json_text{r.body}.text("/code");
  }
  void run(const std::string& sql) { source.run(sql); }

  snowflake_source source;
  snowflake::emulator& snow = source.emulator();
  const temp_db& db = source.db();
  http_headers headers;
};

}  // namespace gridlight::test
