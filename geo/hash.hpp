#pragma once

#include <cstdint>
#include <string_view>

namespace gridlight::geo {

/// A hash that is the same on every machine and in every run; no shield against who looks for collisions.
std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325U) noexcept;

}  // namespace gridlight::geo
