#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/layer_source.hpp"
#include "geo/tile.hpp"
#include "server/catalog.hpp"
#include "server/http/parameters.hpp"

namespace gridlight::api {

struct services;

/// Tiles beyond this zoom do not exist.
inline constexpr int max_tile_zoom = 24;
/// As many layers may be in one tile.
inline constexpr std::size_t max_tile_layers = 16;

/// One layer of a tile, and which of its properties are drawn.
struct tile_layer {
  const layer* of = nullptr;
  property_selection properties;  ///< the position behind the last stands for its circuit's condition
};

/// Which layers tiles are asked of; keeps the catalog that they live in.
struct tile_layers {
  std::shared_ptr<const catalog> owner;
  std::vector<tile_layer> layers;  ///< in the order that they were named in, until put_in_order()
  std::string names;               ///< joined by commas
  std::uint64_t configured =
      0;                 ///< a hash of what is configured for all layers and decides what lies in them
  std::string selected;  ///< the properties' names joined by commas, sorted; empty: each layer's own
};

/// `a,b,c` of a path. Fails with not_found naming those that exist, bad_parameter (doubled, too many, without
/// geometry), forbidden (a hidden place that nothing stands in for), schema_mismatch, database_unavailable.
/// Personal data never is in a tile, whoever asks.
result<tile_layers> read_tile_layers(const services& s, http::request& req, std::string_view names);

/// Versions by the layers' names.
using seen_versions = std::vector<std::pair<std::string, std::int64_t>>;
/// Whose versions `v=` tells, in its order: of the layers and of what goes into their tiles.
std::vector<std::string> versions_told(const tile_layers& layers);
/// Numbers joined by '.', one for each of these; none when it is anything else.
seen_versions read_versions(std::string_view v, const tile_layers& layers);

/// Puts the layers into the order of their names: of these there is one tile, however they are named.
void put_in_order(tile_layers& layers);

/// `properties=a,b`: each must be one of some layer's.
void read_tile_properties(http::parameters& q, tile_layers& layers);

/// The same for the same tile, however it was asked for.
std::string tile_key(const tile_layers& layers, const geo::tile& t);

/// z, x and y of a path; y may end in .mvt or .pbf. Fails with bad_parameter when one is no whole number,
/// with not_found when there is no such tile.
result<geo::tile> read_tile(std::string_view z, std::string_view x, std::string_view y);

}  // namespace gridlight::api
