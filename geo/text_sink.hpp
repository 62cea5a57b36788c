#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace gridlight::geo {

/// Appends to a string through a plain pointer: a writer asks for room once and fills it without a check a
/// character. The string has its right length again when the sink is destroyed (or after finish()); until
/// then nobody else may touch it.
class text_sink {
 public:
  /// \param expected  bytes that will probably be appended
  explicit text_sink(std::string& out, std::size_t expected = 256) : out_(out), at_(out.size()) {
    out_.resize(at_ + expected);
  }
  ~text_sink() { finish(); }
  text_sink(const text_sink&) = delete;
  text_sink& operator=(const text_sink&) = delete;

  /// Where the next `bytes` bytes may be written; valid until the next call.
  char* room(std::size_t bytes) {
    if (out_.size() - at_ < bytes) [[unlikely]]
      out_.resize(at_ + bytes + out_.size());
    return out_.data() + at_;
  }
  /// \param end  behind the last byte written since room()
  void commit(const char* end) noexcept { at_ = static_cast<std::size_t>(end - out_.data()); }

  void append(std::string_view text) {
    char* const at = room(text.size());
    const char* const from = text.data();
    const std::size_t n = text.size();
    // Two copies that overlap: no call, no loop.
    if (n >= 16 && n <= 32) {
      std::memcpy(at, from, 16);
      std::memcpy(at + n - 16, from + n - 16, 16);
    } else if (n >= 8 && n < 16) {
      std::memcpy(at, from, 8);
      std::memcpy(at + n - 8, from + n - 8, 8);
    } else {
      std::memcpy(at, from, n);
    }
    at_ += n;
  }
  void append(char c) {
    *room(1) = c;
    ++at_;
  }

  std::size_t size() const noexcept { return at_; }  ///< of the string, with what stood in it before
  char back() const noexcept { return out_[at_ - 1]; }
  void truncate(std::size_t size) noexcept { at_ = size; }  ///< takes back what was appended behind `size`
  void finish() { out_.resize(at_); }

 private:
  std::string& out_;
  std::size_t at_;
};

}  // namespace gridlight::geo
