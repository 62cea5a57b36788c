#pragma once

#include <deque>
#include <optional>
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
  /// \param known  of the version that the rows' snapshot has; may be null when every part is joined
  tile_writer(const tile_layers& layers, std::span<const tile_part> parts, const tile_layout& layout,
              const geo::tile& t, const circuit_conditions* known);

  void append(const postgres::result_set& rows, int row, std::size_t part);
  void finish(std::string& out) const;

 private:
  struct column {
    int at;           ///< in the row
    std::size_t tag;  ///< in the tile's layer
    Oid type;
  };
  struct part_writer {
    std::optional<geo::mvt_layer> layer;
    std::vector<column> columns;
    std::optional<column> condition;  ///< of the circuit that stands there; not when it is among the columns
    std::vector<int> key_columns;     ///< of a key that is made here
    bool integer_key = false;
    bool key_is_a_property = false;  ///< it is among the columns: told once
    bool lattice = false;
  };

  std::string_view key_of(const part_writer& p, const postgres::result_set& rows, int row);
  void tag_condition(part_writer& p, const postgres::result_set& rows, int row, bool aggregate);
  void tag_value(part_writer& p, const column& c, const postgres::result_set& rows, int row);

  const circuit_conditions* known_;
  std::string key_;  ///< the last one made here
  std::deque<part_writer> parts_;
};

}  // namespace gridlight::api
