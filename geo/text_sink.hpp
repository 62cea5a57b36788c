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
  /// A string that is but room for one text after the other: each sink begins at its start and leaves it as
  /// long as it is, so that it is not filled with zeros anew for each. What was written is in text().
  struct kept_room {
    std::string& room;
  };
  explicit text_sink(kept_room r)
      : out_(r.room), at_(r.room.data()), end_(r.room.data() + r.room.size()), kept_(true) {}

  /// \param expected  bytes that will probably be appended
  explicit text_sink(std::string& out, std::size_t expected = 256) : out_(out) {
    const std::size_t before = out_.size();
    out_.resize(before + expected);
    at_ = out_.data() + before;
    end_ = out_.data() + out_.size();
  }
  ~text_sink() { finish(); }
  text_sink(const text_sink&) = delete;
  text_sink& operator=(const text_sink&) = delete;

  /// Where the next `bytes` bytes may be written; valid until the next call.
  char* room(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) [[unlikely]]
      grow(bytes);
    return at_;
  }
  /// \param end  behind the last byte written since room()
  void commit(char* end) noexcept { at_ = end; }

  void append(std::string_view text) { at_ = copy(room(text.size()), text); }
  void append(char c) {
    *room(1) = c;
    ++at_;
  }

  /// `text` at `at`, where there is room for it; returns the end.
  static char* copy(char* at, std::string_view text) noexcept {
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
    return at + n;
  }

  std::size_t size() const noexcept {  ///< of the string, with what stood in it before
    return static_cast<std::size_t>(at_ - out_.data());
  }
  char back() const noexcept { return at_[-1]; }
  std::string_view text() const noexcept { return {out_.data(), size()}; }  ///< until the next call
  void truncate(std::size_t size) noexcept { at_ = out_.data() + size; }    ///< takes back what stands behind
  void finish() {
    if (kept_) return;
    out_.resize(size());
    end_ = at_ = out_.data() + out_.size();
  }

 private:
  [[gnu::noinline]] void grow(std::size_t bytes) {
    const std::size_t before = size();
    out_.resize(before + bytes + out_.size());
    at_ = out_.data() + before;
    end_ = out_.data() + out_.size();
  }

  std::string& out_;
  char *at_, *end_;  ///< of what is written, and of the room
  bool kept_ = false;
};

}  // namespace gridlight::geo
