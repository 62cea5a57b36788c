#include <charconv>

#include "sync/load/values.hpp"

// The binary form of numeric: four int16 (groups, weight, sign, display scale), then groups of four decimal
// digits.
namespace gridlight::sync {
namespace {

constexpr int max_digits = 1000;  // of a literal; Postgres takes more, no measure needs them

// Digits without a point; the value is 0.digits × 10^point.
struct decimal {
  bool negative = false;
  std::string digits;
  int point = 0;
  int scale = 0;  // digits behind the point as written
};

std::optional<decimal> parse(std::string_view text) {
  decimal out;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool point_seen = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point_seen)
      point_seen = true;
    else if (text[i] >= '0' && text[i] <= '9') {
      out.digits += text[i];
      if (point_seen)
        ++out.scale;
      else
        ++out.point;
    } else
      break;
  }
  if (out.digits.empty() || out.digits.size() > max_digits) return std::nullopt;
  if (i == text.size()) return out;
  if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
  ++i;
  if (i < text.size() && text[i] == '+') ++i;
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), exponent);
  if (error != std::errc{} || end != text.data() + text.size() || exponent > max_digits ||
      exponent < -max_digits)
    return std::nullopt;
  out.point += exponent;
  out.scale = std::max(0, out.scale - exponent);
  return out;
}

// Cuts the digits behind `scale` places, rounding half away from zero.
void round_to(decimal& d, int scale) {
  const int keep = d.point + scale;
  d.scale = scale;
  if (keep >= static_cast<int>(d.digits.size())) return;
  const bool up = keep >= 0 && d.digits[static_cast<std::size_t>(keep)] >= '5';
  d.digits.resize(static_cast<std::size_t>(std::max(keep, 0)));
  if (!up) return;
  std::size_t at = d.digits.size();
  while (at > 0 && d.digits[at - 1] == '9')
    d.digits[--at] = '0';
  if (at > 0) {
    ++d.digits[at - 1];
  } else {
    d.digits.insert(d.digits.begin(), '1');
    ++d.point;
  }
}

void put16(std::string& out, int value) {
  out += static_cast<char>((value >> 8) & 0xff);
  out += static_cast<char>(value & 0xff);
}

std::string pack(decimal d) {
  const std::size_t zeros = std::min(d.digits.find_first_not_of('0'), d.digits.size());
  d.digits.erase(0, zeros);
  d.point -= static_cast<int>(zeros);
  d.digits.resize(d.digits.find_last_not_of('0') + 1);
  std::string out;
  if (d.digits.empty()) {
    put16(out, 0), put16(out, 0), put16(out, 0), put16(out, d.scale);
    return out;
  }
  // Groups are counted from the point: pad in front until the point stands between two groups.
  const int before = ((d.point % 4) + 4) % 4;
  if (before != 0) d.digits.insert(0, static_cast<std::size_t>(4 - before), '0');
  const int weight = (d.point + (before != 0 ? 4 - before : 0)) / 4 - 1;
  d.digits.resize((d.digits.size() + 3) / 4 * 4, '0');
  put16(out, static_cast<int>(d.digits.size() / 4));
  put16(out, weight);
  put16(out, d.negative ? 0x4000 : 0);
  put16(out, d.scale);
  for (std::size_t i = 0; i < d.digits.size(); i += 4) {
    int group = 0;
    for (std::size_t k = 0; k < 4; ++k)
      group = group * 10 + (d.digits[i + k] - '0');
    put16(out, group);
  }
  return out;
}

}  // namespace

std::optional<packed_numeric> read_numeric(std::string_view text, int precision, int scale) {
  auto d = parse(trim(text));
  if (!d) return std::nullopt;
  packed_numeric out;
  if (precision > 0) {
    round_to(*d, scale);
    const std::size_t first = d->digits.find_first_not_of('0');
    out.too_large = first != d->digits.npos && d->point - static_cast<int>(first) > precision - scale;
  }
  if (!out.too_large) out.bytes = pack(std::move(*d));
  return out;
}

}  // namespace gridlight::sync
