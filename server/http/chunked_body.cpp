#include "server/http/chunked_body.hpp"

#include <algorithm>

#include "server/http/characters.hpp"

namespace gridlight::http {
namespace {

using characters::in;

unsigned value_of(char hex) noexcept {
  if (hex <= '9') return static_cast<unsigned>(hex - '0');
  return static_cast<unsigned>((hex | 0x20) - 'a' + 10);
}

}  // namespace

chunked_body::state chunked_body::take(std::string_view bytes, std::size_t& used, std::string& body) {
  used = 0;
  while (used < bytes.size()) {
    if (at_ == place::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size() - used));
      body.append(bytes.substr(used, n));
      used += n;
      size_ -= n;
      if (size_ == 0) at_ = place::data_cr;
      continue;
    }
    const state now = step(bytes[used++]);
    if (now != state::need_more) return now;
  }
  return state::need_more;
}

chunked_body::state chunked_body::digit(char c) noexcept {
  if (!in(characters::hex, c) || ++digits_ > most_digits) return state::malformed;
  size_ = size_ * 16 + value_of(c);
  return go(place::more_size);
}

// The LF of a size line: data, or after the last chunk trailers.
chunked_body::state chunked_body::line_end(char c) noexcept {
  if (c != '\n') return state::malformed;
  digits_ = 0;
  if (size_ == 0) return go(place::trailer);
  if (size_ > left_) return state::too_long;
  left_ -= static_cast<std::size_t>(size_);
  return go(place::data);
}

chunked_body::state chunked_body::step(char c) noexcept {
  const bool dropped = at_ == place::before_ext || at_ == place::ext || at_ >= place::trailer;
  if (dropped && ++dropped_ > most_dropped) return state::malformed;
  switch (at_) {
    case place::size:
      return digit(c);
    case place::more_size:
      if (c == '\r') return go(place::size_lf);
      if (c == ';') return go(place::ext);
      if (c == ' ' || c == '\t') return go(place::before_ext);
      return digit(c);
    case place::before_ext:
      if (c == ';') return go(place::ext);
      return go(place::before_ext, c == ' ' || c == '\t');
    case place::ext:
      if (c == '\r') return go(place::size_lf);
      return go(place::ext, in(characters::value, c));
    case place::size_lf:
      return line_end(c);
    case place::data_cr:
      return go(place::data_lf, c == '\r');
    case place::data_lf:
      return go(place::size, c == '\n');
    case place::trailer:
      if (c == '\r') return go(place::last_lf);
      return go(place::trailer_name, in(characters::token, c));
    case place::trailer_name:
      if (c == ':') return go(place::trailer_value);
      return go(place::trailer_name, in(characters::token, c));
    case place::trailer_value:
      if (c == '\r') return go(place::trailer_lf);
      return go(place::trailer_value, in(characters::value, c));
    case place::trailer_lf:
      return go(place::trailer, c == '\n');
    case place::last_lf:
      go(place::done);
      return c == '\n' ? state::done : state::malformed;
    case place::data:
    case place::done:
      break;
  }
  return state::malformed;
}

}  // namespace gridlight::http
