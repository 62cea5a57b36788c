#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "api/tile_request.hpp"
#include "api/tile_sql.hpp"
#include "geo/mvt.hpp"
#include "server/postgres/result.hpp"

namespace gridlight::api {

/// The property that tells how many features a feature stands for; absent: itself alone.
inline constexpr std::string_view count_property = "point_count";
/// The property that holds a layer's key: the key column's name, or "key" when it has several.
std::string key_property(const layer& l);

/// Writes rows of a tile_statement as a vector tile.
class tile_writer {
 public:
  tile_writer(const tile_layers& layers, std::span<const tile_part> parts, const tile_layout& layout,
              const geo::tile& t);

  void append(const postgres::result_set& rows, int row, std::size_t part);
  void finish(std::string& out) const;

 private:
  struct column {
    int at;           ///< in the row
    std::size_t tag;  ///< in the tile's layer
    Oid type;
  };
  struct part_writer {
    geo::mvt_layer layer;
    std::vector<column> columns;
    bool integer_key;
    bool key_is_a_property;  ///< it is among the columns: told once
  };

  void tag_value(part_writer& p, const column& c, const postgres::result_set& rows, int row);

  std::deque<part_writer> parts_;
};

}  // namespace gridlight::api
