#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sync/load/byte_source.hpp"

namespace gridlight::sync::snowflake {

/// JSON text that is read from its beginning to its end in pieces. Bytes beyond the view may be read by
/// simdjson (its padding), never by us.
class body_window {
 public:
  /// \param most  bytes that may come
  body_window(byte_source source, std::uint64_t most) : source_(std::move(source)), most_(most) {}

  /// What is there. Ends with the next call of another method.
  std::string_view view() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  std::size_t room_behind() const noexcept { return buffer_.size() - begin_; }
  void drop(std::size_t n) noexcept { begin_ += n; }
  /// Reads on; false at the end.
  result<bool> more();
  /// The next character that is no space, 0 at the end; not taken.
  result<char> peek();
  /// Where the string that begins the view ends, its quotes included. Fails when it does not.
  result<std::size_t> string_size();
  /// Drops a whole value, however long.
  result<void> skip_value();
  std::uint64_t consumed() const noexcept { return source_.consumed(); }

 private:
  byte_source source_;
  std::uint64_t most_, read_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

failure broken_partition(std::string why);

}  // namespace gridlight::sync::snowflake
