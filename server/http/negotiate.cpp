#include "server/http/negotiate.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

namespace gridlight::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool same(std::string_view a, std::string_view b) noexcept {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view next_item(std::string_view& list, char separator) noexcept {
  const auto item = list.substr(0, list.find(separator));
  list.remove_prefix(std::min(list.size(), item.size() + 1));
  return trim(item);
}

// "q=0.25" in thousandths; nullopt when malformed (RFC 9110, 12.4.2).
std::optional<int> weight(std::string_view text) noexcept {
  if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return std::nullopt;
  text.remove_prefix(2);
  if (text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
    return std::nullopt;
  int out = (text[0] - '0') * 1000, unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    out += (c - '0') * unit;
    unit /= 10;
  }
  return out <= 1000 ? std::optional{out} : std::nullopt;
}

// How exactly a media range names a type: 3 by its name, 2 by "application/*", 1 by "*/*", 0 not at all.
int exactness(std::string_view range, std::string_view type) noexcept {
  if (same(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto slash = type.find('/');
  return range.size() == slash + 2 && range.ends_with("/*") &&
                 same(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

// The weight among the parameters that follow a media range; 1 without, nullopt when malformed.
std::optional<int> weight_among(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const std::string_view one = next_item(parameters, ';');
    if (one.starts_with("q=") || one.starts_with("Q=")) return weight(one);
  }
  return 1000;
}

struct preference {
  int exact = 0, weight = 0;
};

preference preference_of(const beast::http::fields& headers, std::string_view type) {
  preference out;
  const auto [first, last] = headers.equal_range(field::accept);
  for (auto it = first; it != last; ++it) {
    std::string_view list{it->value().data(), it->value().size()};
    while (!list.empty()) {
      std::string_view item = next_item(list, ',');
      const int exact = exactness(next_item(item, ';'), type);
      const std::optional<int> q = weight_among(item);
      if (q && exact > out.exact) out = {exact, *q};
    }
  }
  return out;
}

}  // namespace

std::size_t preferred_type(const beast::http::fields& headers, std::span<const std::string_view> offered) {
  std::size_t best = 0;
  preference of_best = preference_of(headers, offered[0]);
  for (std::size_t i = 1; i < offered.size(); ++i) {
    const preference p = preference_of(headers, offered[i]);
    if (p.weight == 0 || p.weight < of_best.weight) continue;
    if (p.weight == of_best.weight && p.exact <= of_best.exact) continue;
    best = i;
    of_best = p;
  }
  return best;
}

coding preferred_coding(const beast::http::fields& headers, bool has_brotli) {
  std::optional<int> gzip, brotli, identity, any;
  const auto [first, last] = headers.equal_range(field::accept_encoding);
  for (auto it = first; it != last; ++it) {
    std::string_view list{it->value().data(), it->value().size()};
    while (!list.empty()) {
      std::string_view item = next_item(list, ',');
      const std::string_view name = next_item(item, ';');
      const std::optional<int> q = item.empty() ? 1000 : weight(trim(item));
      if (!q) continue;
      if (same(name, "gzip") || same(name, "x-gzip")) gzip = q;
      if (same(name, "br")) brotli = q;
      if (same(name, "identity")) identity = q;
      if (name == "*") any = q;
    }
  }
  const int of_gzip = gzip ? *gzip : any.value_or(0);
  const int of_identity = identity.value_or(0);  // not named: acceptable, but nothing is preferred over by it
  const int of_brotli = has_brotli ? brotli ? *brotli : any.value_or(0) : 0;
  if (of_brotli > 0 && of_brotli >= of_gzip && of_brotli >= of_identity) return coding::brotli;
  return of_gzip > 0 && of_gzip >= of_identity ? coding::gzip : coding::identity;
}

bool asks_whether_changed(const boost::beast::http::fields& headers) {
  return headers.find(field::if_none_match) != headers.end();
}

std::optional<coding> none_match(const beast::http::fields& headers, std::string_view etag) {
  const auto [first, last] = headers.equal_range(field::if_none_match);
  for (auto it = first; it != last; ++it) {
    std::string_view list{it->value().data(), it->value().size()};
    if (trim(list) == "*") return coding::identity;
    // A tag may hold commas, so this goes from quote to quote.
    for (;;) {
      const auto open = list.find('"');
      if (open == std::string_view::npos) break;
      list.remove_prefix(open + 1);
      const auto close = list.find('"');
      if (close == std::string_view::npos) break;
      std::string_view tag = list.substr(0, close);
      list.remove_prefix(close + 1);
      if (!tag.starts_with(etag)) continue;
      tag.remove_prefix(etag.size());
      for (const coding c : {coding::identity, coding::gzip, coding::brotli})
        if (tag == etag_suffix(c)) return c;
    }
  }
  return std::nullopt;
}

}  // namespace gridlight::http
