#include "server/http/url.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>

#include "server/log.hpp"

namespace gridlight::http {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

failure bad_text(std::string_view name, std::string_view fault) {
  std::string shown_name = shown(name);
  return {errc::bad_parameter, shown_name + std::string{fault}, shown_name};
}

}  // namespace

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  if (text.find('%') == text.npos && (!plus_is_space || text.find('+') == text.npos)) {
    out.append(text);
    return true;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return false;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(c == '+' && plus_is_space ? ' ' : c);
    }
  }
  return true;
}

bool usable_text(std::string_view text) noexcept {
  return text.find('\0') == std::string_view::npos && simdjson::validate_utf8(text.data(), text.size());
}

target_parts split_target(std::string_view target) noexcept {
  if (!target.starts_with('/')) {
    // The gate let only "*" and http(s)://host… through.
    if (const auto authority = target.find("://"); authority != std::string_view::npos) {
      const auto end = target.find_first_of("/?", authority + 3);
      target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
    }
  }
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {target.empty() ? "/" : target, {}};
  const auto path = target.substr(0, mark);
  return {path.empty() ? "/" : path, target.substr(mark + 1)};
}

result<std::string> decode_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  if (!percent_decode(path, false, out))
    return failure{errc::bad_request, "the path has a % without two hex digits"};
  if (!usable_text(out)) return failure{errc::bad_request, "the path is not valid UTF-8, or holds a NUL"};
  return out;
}

result<std::vector<query_parameter>> decode_query(std::string_view query) {
  std::vector<query_parameter> out;
  out.reserve(static_cast<std::size_t>(std::min<std::ptrdiff_t>(8, 1 + std::ranges::count(query, '&'))));
  while (!query.empty()) {
    const auto piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), piece.size() + 1));
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    const auto raw_name = piece.substr(0, equals);
    const auto raw_value = equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
    query_parameter& p = out.emplace_back();
    if (!percent_decode(raw_name, true, p.name) || !usable_text(p.name))
      return bad_text(raw_name, " is no parameter name: broken percent-encoding or UTF-8");
    if (!percent_decode(raw_value, true, p.value))
      return bad_text(p.name, " has a % without two hex digits after it");
    if (!usable_text(p.value)) return bad_text(p.name, " is not valid UTF-8, or holds a NUL");
  }
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 60;
  // Escaping lengthens only, so what lies beyond 4 × 60 bytes cannot be shown.
  std::string out = log::escape(text.substr(0, 4 * most));
  std::size_t characters = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(out[i]) & 0xC0U) != 0x80U;
    if (starts && ++characters > most) {
      out.resize(i);
      return out + "…";
    }
  }
  return out;
}

}  // namespace gridlight::http
