#include "server/http/compress.hpp"

#include <zlib.h>

#include <limits>
#include <new>

namespace gridlight::http {

struct gzip_packer::state {
  z_stream z{};
  explicit state(int level) {
    constexpr int window_bits = 15, gzip_wrapper = 16, memory_level = 8;
    if (deflateInit2(&z, level, Z_DEFLATED, window_bits + gzip_wrapper, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc{};
  }
  ~state() { deflateEnd(&z); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
};

gzip_packer::gzip_packer(int level) : state_(std::make_unique<state>(level)) {}
gzip_packer::~gzip_packer() = default;
gzip_packer::gzip_packer(gzip_packer&&) noexcept = default;

bool gzip_packer::pack(std::string_view body, std::string& out) {
  if (body.size() > std::numeric_limits<uInt>::max()) return false;
  z_stream& z = state_->z;
  deflateReset(&z);
  out.resize(body.size());
  z.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib's old signature; it only reads
  z.avail_in = static_cast<uInt>(body.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) return false;  // no room: not smaller
  out.resize(z.total_out);  // not size() - avail_out: g++ 12 warns of an overflow there
  return true;
}

}  // namespace gridlight::http
