#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gridlight::http::characters {

/// Which bytes a part of HTTP may be made of.
using set = std::array<bool, 256>;

template <class Test>
constexpr set set_of(Test test) {
  set out{};
  for (std::size_t c = 0; c < out.size(); ++c)
    out[c] = test(static_cast<unsigned char>(c));
  return out;
}

constexpr bool is_alphanumeric(unsigned char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_one_of(unsigned char c, std::string_view listed) noexcept {
  return listed.find(static_cast<char>(c)) != std::string_view::npos;
}

/// RFC 9110, 5.6.2.
inline constexpr set token =
    set_of([](unsigned char c) { return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); });
/// Of field values: tab, space, visible ASCII and obs-text.
inline constexpr set value = set_of([](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); });
/// Of targets: visible ASCII but '#', which is never sent.
inline constexpr set target = set_of([](unsigned char c) { return c > 0x20 && c < 0x7F && c != '#'; });
/// RFC 3986 reg-name, '%' among them.
inline constexpr set host =
    set_of([](unsigned char c) { return is_alphanumeric(c) || is_one_of(c, "-._~%!$&'()*+,;="); });
inline constexpr set hex = set_of([](unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
});

constexpr bool in(const set& allowed, char c) noexcept {
  return allowed[static_cast<unsigned char>(c)];
}
constexpr bool all_in(const set& allowed, std::string_view text) noexcept {
  for (const char c : text)
    if (!in(allowed, c)) return false;
  return true;
}

}  // namespace gridlight::http::characters
