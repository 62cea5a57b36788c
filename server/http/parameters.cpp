#include "server/http/parameters.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "server/http/url.hpp"

namespace gridlight::http {
namespace {

constexpr range longitudes{-180, 180, "degrees"};
constexpr range latitudes{-90, 90, "degrees"};

constexpr std::array<std::string_view, 4> box_names{"min_lon", "min_lat", "max_lon", "max_lat"};
constexpr const range& box_range(std::size_t i) {
  return i % 2 == 0 ? longitudes : latitudes;
}

enum class number_state { good, malformed, outside };

template <class T>
number_state read_number(std::string_view text, T min, T max, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return number_state::malformed;
  if (error == std::errc::result_out_of_range) return number_state::outside;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(out)) return number_state::malformed;  // from_chars takes inf and nan
    out += 0.0;                                               // -0 is 0
  }
  return out >= min && out <= max ? number_state::good : number_state::outside;
}

template <class T>
std::string plain(T value) {
  std::array<char, 400> text;
  std::to_chars_result end;
  if constexpr (std::is_floating_point_v<T>)
    end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  else
    end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

// "it must be a number between 0 and 50000 (metres)"
template <class T>
std::string rule(T min, T max, std::string_view unit, std::string_view kind) {
  std::string out = "it must be ";
  out += kind;
  out += "between " + plain(min) + " and " + plain(max);
  if (!unit.empty()) out.append(" (").append(unit).append(")");
  return out;
}

constexpr std::string_view any_number = "a number ", whole_number = "a whole number ";

std::string is_value(std::string_view name, std::string_view value) {
  std::string out{name};
  return value.empty() ? out + " is empty; " : out + " is " + shown(value) + "; ";
}

template <class T>
std::string complaint(std::string_view name, std::string_view value, number_state state, T min, T max,
                      std::string_view unit, std::string_view kind) {
  return is_value(name, value) + rule(min, max, unit, state == number_state::outside ? "" : kind);
}

}  // namespace

const std::string* parameters::find(std::string_view name) {
  known_.push_back(name);
  const std::string* found = nullptr;
  std::size_t times = 0;
  for (const query_parameter& p : request_.query) {
    if (p.name != name) continue;
    if (times++ == 0) found = &p.value;
  }
  if (times == 2) fail(name, std::string{name} + " is given twice");
  if (times > 2) fail(name, std::string{name} + " is given " + std::to_string(times) + " times");
  return found;
}

void parameters::fail(std::string_view name, std::string detail) {
  if (!fault_) fault_ = failure{errc::bad_parameter, std::move(detail), std::string{name}};
}

std::optional<double> parameters::optional_number(std::string_view name, range allowed) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  double out = 0;
  const number_state state = read_number(*value, allowed.min, allowed.max, out);
  if (state == number_state::good) return out;
  fail(name, complaint(name, *value, state, allowed.min, allowed.max, allowed.unit, any_number));
  return allowed.min;
}

double parameters::number(std::string_view name, range allowed) {
  if (const auto value = optional_number(name, allowed)) return *value;
  fail(name, std::string{name} + " is missing; " + rule(allowed.min, allowed.max, allowed.unit, any_number));
  return allowed.min;
}

double parameters::number_or(std::string_view name, double fallback, range allowed) {
  return optional_number(name, allowed).value_or(fallback);
}

std::int64_t parameters::integer_or(std::string_view name, std::int64_t fallback, std::int64_t min,
                                    std::int64_t max) {
  const std::string* value = find(name);
  if (value == nullptr) return fallback;
  std::int64_t out = 0;
  const number_state state = read_number(*value, min, max, out);
  if (state == number_state::good) return out;
  fail(name, complaint(name, *value, state, min, max, {}, whole_number));
  return fallback;
}

std::optional<std::string_view> parameters::text(std::string_view name) {
  const std::string* value = find(name);
  return value == nullptr ? std::nullopt : std::optional<std::string_view>{*value};
}

geo::lonlat parameters::position() {
  const double lon = number("lon", longitudes);
  const double lat = number("lat", latitudes);
  return {lon, lat};
}

// The four texts of a box: split at the commas of bbox=, or taken from the four names; false after a fault.
bool parameters::bbox_texts(const std::string* joined, std::array<std::string_view, 4>& out) {
  if (joined != nullptr) {
    if (std::count(joined->begin(), joined->end(), ',') != 3) {
      fail("bbox",
           is_value("bbox", *joined) + "it must be four numbers: min_lon,min_lat,max_lon,max_lat (degrees)");
      return false;
    }
    std::string_view rest = *joined;
    for (auto& text : out) {
      text = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    }
    return true;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = text(box_names[i]);
    const range& allowed = box_range(i);
    if (!value)
      fail(box_names[i], std::string{box_names[i]} + " is missing; " +
                             rule(allowed.min, allowed.max, allowed.unit, any_number));
    out[i] = value.value_or("");
  }
  return !fault_;
}

std::optional<geo::bbox> parameters::bbox() {
  const std::string* joined = find("bbox");
  std::string_view first;  // of the four names that is given
  for (const std::string_view name : box_names)
    for (const query_parameter& p : request_.query)
      if (first.empty() && p.name == name) first = name;
  if (joined != nullptr && !first.empty())
    fail("bbox", "bbox is given together with " + std::string{first} + "; give the one or the other");
  if (joined != nullptr || first.empty()) known_.insert(known_.end(), box_names.begin(), box_names.end());
  if ((joined == nullptr && first.empty()) || fault_) return std::nullopt;

  std::array<std::string_view, 4> texts;
  if (!bbox_texts(joined, texts)) return std::nullopt;
  std::array<double, 4> numbers{};
  for (std::size_t i = 0; i < 4; ++i) {
    const range& allowed = box_range(i);
    const number_state state = read_number(texts[i], allowed.min, allowed.max, numbers[i]);
    if (state == number_state::good) continue;
    const std::string what = (joined != nullptr ? "bbox: " : "") + std::string{box_names[i]};
    fail(joined != nullptr ? "bbox" : box_names[i],
         complaint(what, texts[i], state, allowed.min, allowed.max, allowed.unit, any_number));
    return std::nullopt;
  }
  const geo::bbox out{numbers[0], numbers[1], numbers[2], numbers[3]};
  if (out.min_lat <= out.max_lat) return out;
  fail(joined != nullptr ? "bbox" : "min_lat", "min_lat is " + plain(out.min_lat) + " and max_lat " +
                                                   plain(out.max_lat) +
                                                   "; min_lat must not be above max_lat");
  return std::nullopt;
}

std::vector<std::string> parameters::list(std::string_view name) {
  std::vector<std::string> out;
  const std::string* value = find(name);
  if (value == nullptr) return out;
  std::string_view rest = *value;
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    if (item.empty())
      fail(name, is_value(name, *value) + "it must be names joined by commas, none of them empty");
    out.emplace_back(item);
  }
  return out;
}

std::optional<failure> parameters::fault() {
  if (fault_) return fault_;
  for (const query_parameter& p : request_.query) {
    if (std::find(known_.begin(), known_.end(), p.name) != known_.end()) continue;
    std::string known;
    for (const std::string_view name : known_) {
      known += known.empty() ? "; known: " : ", ";
      known += name;
    }
    if (known.empty()) known = "; it takes none";
    const std::string name = shown(p.name);
    fail(name, (name.empty() ? std::string{"''"} : name) + " is not a parameter of this route" + known);
    return fault_;
  }
  return std::nullopt;
}

}  // namespace gridlight::http
