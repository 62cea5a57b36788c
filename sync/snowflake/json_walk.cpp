#include "sync/snowflake/json_walk.hpp"

namespace gridlight::sync::snowflake {

std::size_t closing_quote(std::string_view text, std::size_t start, std::size_t from) noexcept {
  for (std::size_t at = text.find('"', from); at != text.npos; at = text.find('"', at + 1)) {
    std::size_t escapes = 0;
    while (at > start + escapes && text[at - 1 - escapes] == '\\')
      ++escapes;
    if (escapes % 2 == 0) return at;
  }
  return text.npos;
}

std::string_view json_walk::string() noexcept {
  if (peek() != '"') return {};
  const std::size_t begin = at_, end = closing_quote(text_, at_ + 1, at_ + 1);
  if (end == text_.npos) return {};
  at_ = end + 1;
  return text_.substr(begin, at_ - begin);
}

std::string_view json_walk::value() noexcept {
  peek();
  const std::size_t begin = at_;
  std::size_t depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      if (string().empty()) return {};
    } else if (c == '[' || c == '{') {
      ++depth, ++at_;
      continue;
    } else if (c == ']' || c == '}') {
      if (depth == 0) break;
      --depth, ++at_;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      break;
    } else {
      ++at_;
      continue;
    }
    if (depth == 0) break;
  }
  return depth == 0 ? text_.substr(begin, at_ - begin) : std::string_view{};
}

}  // namespace gridlight::sync::snowflake
