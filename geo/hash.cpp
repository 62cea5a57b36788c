#include "geo/hash.hpp"

#include <bit>
#include <cstring>

namespace gridlight::geo {

std::uint64_t hash64(std::string_view text, std::uint64_t seed) noexcept {
  // FNV-1a by eight bytes at a time, each folded so that its high bits count, too; the length ends it, so
  // that zeros behind a text make another.
  constexpr std::uint64_t prime = 0x9E3779B97F4A7C15U;
  const auto fold = [](std::uint64_t state, std::uint64_t bits) {
    state = (state ^ bits) * prime;
    return state ^ (state >> 32);
  };
  const char* from = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, from += 8) {
    std::uint64_t bits;
    std::memcpy(&bits, from, sizeof bits);
    seed = fold(seed, std::endian::native == std::endian::little ? bits : __builtin_bswap64(bits));
  }
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < left; ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return fold(fold(seed, last), text.size());
}

}  // namespace gridlight::geo
