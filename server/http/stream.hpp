#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::http {

/// Text of a stream, framed once for all who are told it (RFC 9112, 7.1). Immutable.
class chunk {
 public:
  /// \param text  not empty: an empty chunk would end a stream
  explicit chunk(std::string_view text);

  std::string_view plain() const noexcept {
    return std::string_view{framed_}.substr(from_, framed_.size() - from_ - 2);
  }
  std::string_view framed() const noexcept { return framed_; }
  static constexpr std::string_view last = "0\r\n\r\n";

 private:
  std::string framed_;
  std::size_t from_;
};
using chunk_pointer = std::shared_ptr<const chunk>;
inline chunk_pointer make_chunk(std::string_view text) {
  return std::make_shared<const chunk>(text);
}

/// An answer that comes bit by bit for as long as its client listens. A handler makes one and puts it into
/// its response; the session that sends it calls what is below the line. Never leaves its thread.
class stream {
 public:
  /// Beyond either, behind what is just being sent, the client is too slow and is cut off. A single text may
  /// be of any length.
  static constexpr std::size_t most_waiting_bytes = 64 * 1024, most_waiting = 256;

  virtual ~stream() = default;
  stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// What it begins with, of any length; before it is put into a response.
  void begin(chunk_pointer text);
  void send(chunk_pointer text);
  void end();  ///< after what was sent
  bool open() const noexcept { return state_ == state::open; }

  // ---- the session's
  void on_news(std::function<void()> wake) { wake_ = std::move(wake); }
  chunk_pointer next();  ///< null: nothing waits
  bool ended() const noexcept { return state_ == state::ended; }
  bool too_slow() const noexcept { return state_ == state::too_slow; }
  void give_up();  ///< nothing that waits is sent any more

 private:
  enum class state : unsigned char { open, ended, too_slow };
  void change(state to);

  std::vector<chunk_pointer> waiting_;
  std::size_t first_ = 0, beginning_ = 0, bytes_ = 0;  ///< bytes of what stands behind the beginning
  std::function<void()> wake_;
  state state_ = state::open;
};

}  // namespace gridlight::http
