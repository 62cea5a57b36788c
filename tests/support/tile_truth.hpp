#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "geo/tile.hpp"
#include "server/catalog.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/tile_compare.hpp"

namespace gridlight::test {

/// The catalog as a server with this configuration sees it.
std::shared_ptr<const catalog> read_catalog_of(const temp_db& db, const std::string& yaml);

/// The features of a tile's only layer by their ids; a tile of no bytes has none. Throws when an id comes
/// twice, or there are several layers.
features_by_id features_of_tile(std::string_view bytes, bool lenient = false);

/// What a layer's tiles should hold, as PostGIS makes them: ST_AsMVTGeom and ST_AsMVT over the layer itself,
/// and below its detail zoom over its generalised table.
class tile_truth {
 public:
  tile_truth(const temp_db& db, const layer& l);

  const layer& of() const noexcept { return layer_; }
  int detail_zoom() const noexcept { return detail_; }  ///< 0: it has no generalised table
  features_by_id at(const geo::tile& t) const;
  std::int64_t count() const;  ///< features that have a place

  /// Rows of the generalised table that stand for a feature and say of it what the layer does not.
  std::int64_t false_representatives() const;

  // SQL of the layer, whose table has the alias t.
  const std::string& geometry() const noexcept { return geometry_; }
  const std::string& from() const noexcept { return from_; }

 private:
  std::string of_layer(const geo::tile& t) const;
  std::string of_table(const geo::tile& t) const;

  const temp_db& db_;
  const layer& layer_;
  int detail_ = 0;
  std::string key_, geometry_, from_, table_;
};

}  // namespace gridlight::test
