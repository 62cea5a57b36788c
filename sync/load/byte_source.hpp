#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/error.hpp"

namespace gridlight::sync {

/// Bytes from a file, standard input or memory, unpacked when they are gzip (told by their first bytes, never
/// by a name; several members in a row count as one stream). Memory is flat whatever the length.
class byte_source {
 public:
  /// Fills a part of the buffer and says how much; 0 at the end.
  using raw_reader = std::function<result<std::size_t>(std::span<char>)>;

  explicit byte_source(raw_reader raw);
  ~byte_source();
  byte_source(byte_source&&) noexcept;
  byte_source& operator=(byte_source&&) noexcept;

  /// Up to into.size() further bytes, 0 at the end. Fails with errc::input when the gzip data is damaged or
  /// cut off.
  result<std::size_t> read(std::span<char> into);
  std::uint64_t consumed() const noexcept;  ///< bytes taken from the raw input, packed as they are there

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// A file; fails with errc::input when it cannot be opened.
result<byte_source> open_file(const std::filesystem::path& path);
/// An open descriptor, such as standard input's; not closed.
byte_source from_descriptor(int fd);
/// \param bytes must outlive the source
byte_source from_memory(std::string_view bytes);

/// What was read and not yet dropped, in one piece. Every view ends with the next call of more() or drop().
class text_window {
 public:
  explicit text_window(byte_source source) : source_(std::move(source)) {}

  std::string_view view() const noexcept { return std::string_view{buffer_}.substr(begin_); }
  result<bool> more();  ///< reads on; false at the end
  void drop(std::size_t n) noexcept { begin_ += n; }
  std::uint64_t consumed() const noexcept { return source_.consumed(); }

 private:
  byte_source source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace gridlight::sync
