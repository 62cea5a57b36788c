#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tests/support/tile_reader.hpp"

namespace gridlight::test {

using features_by_id = std::map<std::uint64_t, tile_feature>;

/// Where a spike or a part is as thin as a unit, Wagyu, which PostGIS clips with, takes it away or leads it
/// elsewhere, and of a polygon of some units it may leave nothing. Such polygons are counted.
struct thin_tally {
  int polygons = 0, thin = 0;
};

double area_of(const tile_feature& f);
/// Of four square units at most, or as thin as a unit, such as what a tile's edge cuts off.
bool is_speck(const tile_feature& f);

/// What is wrong with the geometry of `ours`, when `theirs` is right; empty: nothing. Points and lines: each
/// vertex has one of the other within a unit. Polygons: ours are valid, wound as the specification says, and
/// their area is the other's but for half a unit along its edge.
std::string geometry_fault(const tile_feature& ours, const tile_feature& theirs, thin_tally& seen);

/// The same for all of a tile; features that one of both has not at all, but for specks, are faults, too.
std::map<std::uint64_t, std::string> geometry_faults(const features_by_id& ours, const features_by_id& theirs,
                                                     thin_tally& seen);

/// "" or what differs between the tags, apart from their order.
std::string tag_fault(const tile_feature& ours, const tile_feature& theirs);

}  // namespace gridlight::test
