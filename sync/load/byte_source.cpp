#include "sync/load/byte_source.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace gridlight::sync {
namespace {

constexpr std::size_t raw_size = 256 * 1024;

struct descriptor {
  int fd = -1;
  explicit descriptor(int n) : fd(n) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

result<std::size_t> read_descriptor(int fd, std::span<char> into) {
  for (;;) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return failure{errc::input, std::string{"cannot be read: "} + std::strerror(errno)};
  }
}

}  // namespace

struct byte_source::impl {
  raw_reader raw;
  std::vector<char> buffer = std::vector<char>(raw_size);
  std::size_t begin = 0, end = 0;
  std::uint64_t consumed = 0;
  bool started = false, packed = false, inside_member = false;
  z_stream inflater{};
  bool inflater_live = false;
  std::string damage;

  ~impl() {
    if (inflater_live) inflateEnd(&inflater);
  }

  // Reads until at least `want` raw bytes are there, or the end.
  result<std::size_t> fill(std::size_t want) {
    if (begin == end) begin = end = 0;
    while (end - begin < want) {
      const auto n = raw(std::span{buffer}.subspan(end));
      if (!n) return n.error();
      if (*n == 0) break;
      end += *n;
      consumed += *n;
    }
    return end - begin;
  }

  bool at_magic() const noexcept {
    return end - begin >= 2 && static_cast<unsigned char>(buffer[begin]) == 0x1f &&
           static_cast<unsigned char>(buffer[begin + 1]) == 0x8b;
  }

  result<void> start() {
    started = true;
    if (const auto n = fill(2); !n) return n.error();
    packed = at_magic();
    if (!packed) return {};
    if (inflateInit2(&inflater, 15 + 16) != Z_OK) return failure{errc::internal, "zlib cannot be started"};
    inflater_live = inside_member = true;
    return {};
  }

  result<std::size_t> plain(std::span<char> into) {
    if (begin == end) {
      if (const auto n = fill(1); !n) return n.error();
    }
    const std::size_t n = std::min(into.size(), end - begin);
    std::memcpy(into.data(), buffer.data() + begin, n);
    begin += n;
    return n;
  }

  // After a member another may follow; anything else there is padding (as tape tools leave) only if it is
  // zeros.
  result<bool> next_member() {
    if (const auto n = fill(1); !n) return n.error();
    if (begin == end) return false;
    if (end - begin < 2) {
      const char first = buffer[begin];
      std::memmove(buffer.data(), buffer.data() + begin, 1);
      begin = 0, end = 1;
      if (const auto n = fill(2); !n) return n.error();
      if (end == 1 && first == 0) return false;
    }
    if (at_magic()) {
      inflateReset(&inflater);
      inside_member = true;
      return true;
    }
    if (buffer[begin] == 0) return false;
    return failure{errc::input, "gzip data is followed by something that is not gzip"};
  }

  result<std::size_t> unpack(std::span<char> into) {
    for (;;) {
      // What came out before the damage was given first.
      if (!damage.empty()) return failure{errc::input, damage};
      if (!inside_member) {
        const auto next = next_member();
        if (!next) return next.error();
        if (!*next) return std::size_t{0};
      }
      if (const auto n = fill(1); !n) return n.error();
      if (begin == end) return failure{errc::input, "gzip data is cut off: the file ends inside it"};
      inflater.next_in = reinterpret_cast<Bytef*>(buffer.data() + begin);
      inflater.avail_in = static_cast<uInt>(end - begin);
      inflater.next_out = reinterpret_cast<Bytef*>(into.data());
      inflater.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1u << 30));
      const uInt room = inflater.avail_out;
      const int status = inflate(&inflater, Z_NO_FLUSH);
      begin = end - inflater.avail_in;
      if (status == Z_STREAM_END) inside_member = false;
      if (status != Z_OK && status != Z_BUF_ERROR && status != Z_STREAM_END)
        damage =
            std::string{"gzip data is damaged: "} + (inflater.msg != nullptr ? inflater.msg : "bad header");
      if (const uInt got = room - inflater.avail_out; got > 0) return std::size_t{got};
    }
  }
};

byte_source::byte_source(raw_reader raw) : impl_(std::make_unique<impl>()) {
  impl_->raw = std::move(raw);
}
byte_source::~byte_source() = default;
byte_source::byte_source(byte_source&&) noexcept = default;
byte_source& byte_source::operator=(byte_source&&) noexcept = default;

std::uint64_t byte_source::consumed() const noexcept {
  return impl_->consumed;
}

result<std::size_t> byte_source::read(std::span<char> into) {
  if (into.empty()) return std::size_t{0};
  if (!impl_->started) {
    if (const auto ok = impl_->start(); !ok) return ok.error();
  }
  return impl_->packed ? impl_->unpack(into) : impl_->plain(into);
}

result<byte_source> open_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failure{errc::input, path.string() + ": cannot be opened: " + std::strerror(errno)};
  const auto owned = std::make_shared<descriptor>(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return byte_source{[owned](std::span<char> into) { return read_descriptor(owned->fd, into); }};
}

byte_source from_descriptor(int fd) {
  return byte_source{[fd](std::span<char> into) { return read_descriptor(fd, into); }};
}

byte_source from_memory(std::string_view bytes) {
  return byte_source{[bytes](std::span<char> into) mutable -> result<std::size_t> {
    const std::size_t n = std::min(into.size(), bytes.size());
    std::memcpy(into.data(), bytes.data(), n);
    bytes.remove_prefix(n);
    return n;
  }};
}

result<bool> text_window::more() {
  if (ended_) return false;
  constexpr std::size_t step = 256 * 1024;
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  // A long record doubles the window, so that it is read in few steps.
  const std::size_t kept = buffer_.size();
  const std::size_t wanted = std::max(step, kept);
  buffer_.resize(kept + wanted);
  const auto n = source_.read(std::span{buffer_}.subspan(kept));
  buffer_.resize(kept + (n ? *n : 0));
  if (!n) return n.error();
  ended_ = *n == 0;
  return !ended_;
}

}  // namespace gridlight::sync
