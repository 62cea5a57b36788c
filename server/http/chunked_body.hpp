#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gridlight::http {

/// Takes a chunked body apart as it comes, as RFC 9112, 7.1 has it, strictly: sizes are hex digits alone,
/// lines end in CRLF, extensions and trailers hold no control characters. Extensions and trailers are
/// dropped.
class chunked_body {
 public:
  enum class state : std::uint8_t {
    need_more,
    done,       ///< the empty line after the last chunk was taken
    malformed,  ///< the connection is of no further use
    too_long,   ///< more than allowed, said as soon as a chunk's size tells; as above
  };

  /// \param most  bytes of the body
  explicit chunked_body(std::size_t most) noexcept : left_(most) {}

  /// Appends what `bytes` bring to `body`; `used` of them were taken, all unless it is over.
  state take(std::string_view bytes, std::size_t& used, std::string& body);

 private:
  enum class place : std::uint8_t {
    size,        // nothing of it has come
    more_size,   // a digit has
    before_ext,  // space before a ';'
    ext,         // after it
    size_lf,     // after the size line's CR
    data,
    data_cr,
    data_lf,
    trailer,  // at the start of a line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,  // after the last line's CR
    done
  };

  state step(char c) noexcept;
  state digit(char c) noexcept;
  state line_end(char c) noexcept;
  state go(place next, bool allowed = true) noexcept {
    at_ = next;
    return allowed ? state::need_more : state::malformed;
  }

  static constexpr std::size_t most_digits = 16;
  static constexpr std::size_t most_dropped = 8 * 1024;  // of extensions and trailers, over the whole body

  std::size_t left_;
  std::uint64_t size_ = 0;
  std::size_t digits_ = 0, dropped_ = 0;
  place at_ = place::size;
};

}  // namespace gridlight::http
