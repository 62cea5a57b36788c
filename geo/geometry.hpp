#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "geo/lonlat.hpp"

namespace gridlight::geo {

/// Why a geometry is not valid (OGC Simple Features), and where.
struct invalidity {
  std::string reason;  ///< GEOS's words, such as "Self-intersection"
  lonlat place;
};

/// Checks (E)WKB with GEOS; nothing when valid. One GEOS context a thread.
/// \pre the bytes passed inspect_wkb
std::optional<invalidity> find_invalidity(std::span<const std::byte> wkb);

}  // namespace gridlight::geo
