#include "sync/snowflake/body_window.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "sync/load/rows.hpp"
#include "sync/snowflake/json_walk.hpp"

namespace gridlight::sync::snowflake {
namespace {

constexpr std::size_t step = 256 * 1024;

}  // namespace

failure broken_partition(std::string why) {
  return {errc::internal, "a partition of the result " + std::move(why)};
}

result<bool> body_window::more() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ > max_record_bytes) return broken_partition("has a row or name of more than 64 MB");
  // A long row doubles the window, so that it is read in few steps.
  const std::size_t wanted = end_ + std::max(step, end_) + simdjson::SIMDJSON_PADDING;
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  const auto room = std::span{buffer_}.first(buffer_.size() - simdjson::SIMDJSON_PADDING).subspan(end_);
  const auto n = source_.read(room);
  if (!n) return broken_partition("cannot be unpacked: " + n.error().detail);
  end_ += *n;
  read_ += *n;
  if (read_ > most_)
    return broken_partition("is larger than the " + std::to_string(most_) + " bytes allowed");
  return *n > 0;
}

result<char> body_window::peek() {
  for (;;) {
    const std::string_view text = view();
    std::size_t at = 0;
    while (at < text.size() && json_walk::is_space(text[at]))
      ++at;
    drop(at);
    if (at < text.size()) return text[at];
    const auto read = more();
    if (!read) return read.error();
    if (!*read) return '\0';
  }
}

result<std::size_t> body_window::string_size() {
  for (std::size_t from = 1;;) {
    const std::size_t end = closing_quote(view(), 1, from);
    if (end != std::string_view::npos) return end + 1;
    from = std::max<std::size_t>(1, view().size());
    const auto read = more();
    if (!read) return read.error();
    if (!*read) return broken_partition("is cut off");
  }
}

result<void> body_window::skip_value() {
  for (std::size_t depth = 0;;) {
    const auto next = peek();
    if (!next) return next.error();
    const char c = *next;
    if (c == '\0') return broken_partition("is cut off");
    if (c == '"') {
      const auto size = string_size();
      if (!size) return size.error();
      drop(*size);
      if (depth == 0) return {};
    } else if (c == '[' || c == '{') {
      ++depth;
      drop(1);
    } else if (c == ']' || c == '}') {
      if (depth == 0) return {};
      drop(1);
      if (--depth == 0) return {};
    } else if (c == ',' && depth == 0) {
      return {};
    } else {
      drop(1);
    }
  }
}

}  // namespace gridlight::sync::snowflake
