#pragma once

#include <cstddef>
#include <string_view>

namespace gridlight::sync::snowflake {

/// Steps over JSON in one piece without looking at what is in it: enough to find the members of an object.
/// What is stepped over is not checked beyond brackets and quotes.
class json_walk {
 public:
  explicit json_walk(std::string_view text) : text_(text) {}

  /// The next character that is no space, 0 at the end; not taken.
  char peek() noexcept {
    while (at_ < text_.size() && is_space(text_[at_]))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) noexcept {
    if (peek() != c || c == '\0') return false;
    ++at_;
    return true;
  }
  /// A string with its quotes, or a whole value; empty when there is none.
  std::string_view string() noexcept;
  std::string_view value() noexcept;

  static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Of a text in which a string begins before `from`: where its closing quote is, npos when not in it.
/// \param start  where the string's first character stands
std::size_t closing_quote(std::string_view text, std::size_t start, std::size_t from) noexcept;

}  // namespace gridlight::sync::snowflake
