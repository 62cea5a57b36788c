#include "sync/snowflake/request.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include <algorithm>
#include <array>

namespace gridlight::sync::snowflake {
namespace {

constexpr std::string_view path = "/api/v2/statements";

// Handles come from the server: what is no part of a path's segment is escaped.
std::string segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

void put_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void put_member(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += ',';
  put_string(out, name);
  out += ':';
  put_string(out, value);
}

void put_values(std::string& out, const std::vector<bound_value>& values) {
  if (values.empty()) return;
  out += ",\"bindings\":{";
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += fmt::format("{}\"{}\":{{\"type\":", i == 0 ? "" : ",", i + 1);
    // NULL has a type only so that there is one.
    put_string(out, values[i].value ? values[i].type : "TEXT");
    out += ",\"value\":";
    if (values[i].value)
      put_string(out, *values[i].value);
    else
      out += "null";
    out += '}';
  }
  out += '}';
}

// Fixed formats leave nothing to the account's settings; FF9 loses nothing.
constexpr std::array text_formats{
    std::pair{"DATE_OUTPUT_FORMAT", "YYYY-MM-DD"},
    std::pair{"TIME_OUTPUT_FORMAT", "HH24:MI:SS.FF9"},
    std::pair{"TIMESTAMP_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"},
    std::pair{"TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9"},
    std::pair{"TIMESTAMP_LTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"},
    std::pair{"TIMESTAMP_TZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"},
    std::pair{"BINARY_OUTPUT_FORMAT", "HEX"},
};

void put_parameters(std::string& out, const statement& s, const client_options& o) {
  std::string inner;
  const auto put = [&](std::string_view name, std::string_view value) {
    const bool replaced = std::any_of(s.parameters.begin(), s.parameters.end(),
                                      [&](const auto& own) { return own.first == name; });
    if (!replaced) put_member(inner, name, value);
  };
  put("TIMEZONE", "UTC");
  put("QUERY_TAG", o.query_tag);
  if (s.statements != 1) put("MULTI_STATEMENT_COUNT", std::to_string(s.statements));
  if (o.text_times)
    for (const auto& [name, value] : text_formats)
      put(name, value);
  for (const auto& [name, value] : s.parameters)
    put_member(inner, name, value);
  if (!inner.empty()) out += ",\"parameters\":{" + inner.substr(1) + "}";
}

}  // namespace

result<std::string> make_request_id() {
  std::array<unsigned char, 16> b{};
  if (RAND_bytes(b.data(), static_cast<int>(b.size())) != 1)
    return failure{errc::internal, "OpenSSL has no random numbers"};
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  std::string out;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    fmt::format_to(std::back_inserter(out), "{:02x}", b[i]);
  }
  return out;
}

std::string submit_target(std::string_view request_id, bool async, bool retry) {
  return fmt::format("{}?requestId={}{}{}", path, request_id, async ? "&async=true" : "",
                     retry ? "&retry=true" : "");
}

std::string status_target(std::string_view handle, std::string_view request_id) {
  return fmt::format("{}/{}?requestId={}", path, segment(handle), request_id);
}

std::string partition_target(std::string_view handle, std::size_t n, std::string_view request_id) {
  return fmt::format("{}/{}?requestId={}&partition={}", path, segment(handle), request_id, n);
}

std::string cancel_target(std::string_view handle, std::string_view request_id) {
  return fmt::format("{}/{}/cancel?requestId={}", path, segment(handle), request_id);
}

result<std::string> submit_body(const statement& s, const client_options& o, std::int64_t timeout) {
  if (s.statements != 1 && !s.values.empty())
    return failure{errc::input, "a request of several statements cannot have values"};
  std::string out = "{\"statement\":";
  put_string(out, s.sql);
  out += fmt::format(",\"timeout\":{}", timeout);
  put_member(out, "database", o.database);
  put_member(out, "schema", o.schema);
  put_member(out, "warehouse", o.warehouse);
  put_member(out, "role", o.role);
  put_values(out, s.values);
  put_parameters(out, s, o);
  out += '}';
  if (!simdjson::validate_utf8(out.data(), out.size()))
    return failure{errc::input, "the statement or one of its values is not UTF-8"};
  return out;
}

}  // namespace gridlight::sync::snowflake
