#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "geo/lonlat.hpp"
#include "geo/wkb.hpp"

namespace gridlight::geo::detail {

/// Puts 2-D EWKB together, little endian, front to back; counts are patched when they are known.
class ewkb_builder {
 public:
  /// The head of a geometry; with an SRID for the outermost, without (0) for members.
  void head(geometry_type type, std::uint32_t srid) {
    bytes_.push_back(std::byte{1});
    u32(static_cast<std::uint32_t>(type) | (srid != 0 ? 0x20000000u : 0u));
    if (srid != 0) u32(srid);
  }
  void position(lonlat p) {
    put(std::bit_cast<std::uint64_t>(p.lon));
    put(std::bit_cast<std::uint64_t>(p.lat));
  }
  /// A count of zero; returns its place for set_count.
  std::size_t open_count() {
    u32(0);
    return bytes_.size() - sizeof(std::uint32_t);
  }
  void set_count(std::size_t place, std::size_t count) noexcept {
    const auto value = little(static_cast<std::uint32_t>(count));
    std::memcpy(bytes_.data() + place, &value, sizeof value);
  }
  std::vector<std::byte> take() noexcept { return std::move(bytes_); }

 private:
  static constexpr std::uint32_t little(std::uint32_t v) noexcept {
    return std::endian::native == std::endian::little ? v : __builtin_bswap32(v);
  }
  static constexpr std::uint64_t little(std::uint64_t v) noexcept {
    return std::endian::native == std::endian::little ? v : __builtin_bswap64(v);
  }
  void u32(std::uint32_t v) { put(v); }
  template <class T>
  void put(T v) {
    v = little(v);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof v);
    std::memcpy(bytes_.data() + at, &v, sizeof v);
  }

  std::vector<std::byte> bytes_;
};

}  // namespace gridlight::geo::detail
