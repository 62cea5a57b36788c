#include "server/config_values.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/url/parse.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "server/log_text.hpp"

namespace gridlight::config_detail {
namespace {

namespace ip = boost::asio::ip;

template <class T>
std::optional<T> read_with(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr unit times[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr unit sizes[] = {{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}};

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// A whole number and its unit; `bare` is the unit of a number without one, 0 when there must be one.
std::optional<std::int64_t> read_with_unit(std::string_view text, std::span<const unit> units,
                                           std::int64_t bare) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = read_integer(text.substr(0, digits));
  const auto name = text.substr(digits);
  if (!number) return std::nullopt;
  if (name.empty() && *number == 0) return 0;
  std::int64_t factor = name.empty() ? bare : 0;
  for (const unit& u : units)
    if (!name.empty() && same_ignoring_case(u.name, name)) factor = u.factor;
  if (factor == 0 || *number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return *number * factor;
}

std::string show_with_unit(std::int64_t value, std::span<const unit> units, std::string_view smallest) {
  if (value == 0) return "0";
  for (const unit& u : units)
    if (value % u.factor == 0) return fmt::format("{}{}", value / u.factor, u.name);
  return fmt::format("{}{}", value, smallest);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

// Edits (insert, delete, replace) from a to b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string_view last_part(std::string_view dotted) {
  return dotted.substr(dotted.rfind('.') + 1);
}

}  // namespace

std::optional<std::int64_t> read_integer(std::string_view text) {
  return read_with<std::int64_t>(text);
}

std::optional<double> read_number(std::string_view text) {
  const auto value = read_with<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> read_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
  const auto ms = read_with_unit(text, times, 0);
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds{*ms};
}

std::optional<std::size_t> read_size(std::string_view text) {
  const auto bytes = read_with_unit(text, sizes, 1);
  if (!bytes) return std::nullopt;
  return static_cast<std::size_t>(*bytes);
}

std::string show(std::chrono::milliseconds d) {
  return show_with_unit(d.count(), times, "ms");
}
std::string show_size(std::size_t bytes) {
  return show_with_unit(static_cast<std::int64_t>(bytes), sizes, "");
}

bool is_address(std::string_view text) {
  if (text.find('\0') != text.npos) return false;  // where Asio would stop to read
  boost::system::error_code error;
  ip::make_address(std::string{text}, error);
  return !error;
}

bool is_network(std::string_view text) {
  if (text.find('%') != text.npos)
    return false;  // a zone is of one machine, and may hold anything, a slash too
  if (is_address(text)) return true;
  boost::system::error_code v4, v6;
  ip::make_network_v4(std::string{text}, v4);
  ip::make_network_v6(std::string{text}, v6);
  return !v4 || !v6;
}

bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const auto url = boost::urls::parse_uri(text);
  return url && url->has_scheme() && url->has_authority() && !url->host().empty() && !url->has_userinfo() &&
         url->encoded_path().empty() && !url->has_query() && !url->has_fragment();
}

bool is_base_path(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() != '/' || text.back() == '/' || text.find("//") != text.npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"/-._~"}.find(c) != std::string_view::npos;
  });
}

bool is_connection_string(std::string_view text) {
  if (has_control(text)) return false;
  PQconninfoOption* options = PQconninfoParse(std::string{text}.c_str(), nullptr);
  PQconninfoFree(options);
  return options != nullptr;
}

bool is_path(std::string_view text) {
  return text.size() <= 4096 && !has_control(text);
}

bool is_header_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

bool is_scope(std::string_view text) {
  return text == "read" || text == "write" || text == "personal";
}

bool is_guarded_route(std::string_view text) {
  return text == "/health" || text == "/metrics";
}

bool is_layer_name(std::string_view text) {
  if (text.empty() || text.size() > 60 || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= 63 && !has_control(text);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto from = text.find_first_not_of(space);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(space) - from + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  if (trim(text).empty()) return out;
  for (std::size_t from = 0; from != text.npos;) {
    const auto comma = text.find(',', from);
    out.emplace_back(trim(text.substr(from, comma == text.npos ? comma : comma - from)));
    from = comma == text.npos ? comma : comma + 1;
  }
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 80;
  std::string out;
  log::append_escaped(out, text.substr(0, most), log::escaping::message);
  if (text.size() > most) out += "…";
  return out;
}

std::vector<std::string> nearest(std::string_view wrong, std::span<const std::string> known) {
  if (wrong.size() > 100) return {};
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& candidate : known) {
    const std::size_t whole = distance(wrong, candidate);
    const std::size_t end = distance(last_part(wrong), last_part(candidate)) + 1;  // right word, wrong place
    const std::size_t off = std::min(whole, end);
    if (off <= std::clamp<std::size_t>(last_part(wrong).size() / 3, 2, 4))
      ranked.emplace_back(off, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i)
    out.push_back(ranked[i].second);
  return out;
}

}  // namespace gridlight::config_detail
