#include "server/http/compress.hpp"

#include <libdeflate.h>

#include <boost/endian/conversion.hpp>
#include <cstring>
#include <new>

namespace gridlight::http {

void gzip_packer::free_compressor::operator()(libdeflate_compressor* c) const noexcept {
  libdeflate_free_compressor(c);
}

gzip_packer::gzip_packer(int level) : state_(libdeflate_alloc_compressor(level)) {
  if (!state_) throw std::bad_alloc{};
}
gzip_packer::~gzip_packer() = default;
gzip_packer::gzip_packer(gzip_packer&&) noexcept = default;

// The number of bytes; 0: there was no room.
std::size_t gzip_packer::pack_into(std::string_view body, std::string& out, std::size_t room) {
  out.resize(room);
  const std::size_t size =
      libdeflate_gzip_compress(state_.get(), body.data(), body.size(), out.data(), out.size());
  out.resize(size);
  return size;
}

bool gzip_packer::pack(std::string_view body, std::string& out) {
  return pack_into(body, out, body.size()) != 0;
}

std::string gzip_packer::pack_always(std::string_view body) {
  std::string out;
  pack_into(body, out, libdeflate_gzip_compress_bound(state_.get(), body.size()));
  return out;
}

std::optional<std::string> unpack_gzip(std::string_view packed, std::size_t most) {
  // RFC 1952: the last four bytes are the size, modulo 2^32.
  std::uint32_t size = 0;
  if (packed.size() < 18) return std::nullopt;
  std::memcpy(&size, packed.data() + packed.size() - sizeof size, sizeof size);
  boost::endian::little_to_native_inplace(size);
  if (size > most) return std::nullopt;
  struct release {
    void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
  };
  const std::unique_ptr<libdeflate_decompressor, release> state{libdeflate_alloc_decompressor()};
  if (!state) throw std::bad_alloc{};
  std::string out(size, '\0');
  const auto done =
      libdeflate_gzip_decompress(state.get(), packed.data(), packed.size(), out.data(), out.size(), nullptr);
  if (done != LIBDEFLATE_SUCCESS) return std::nullopt;
  return out;
}

}  // namespace gridlight::http
