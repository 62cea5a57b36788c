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

/// What of a part's rows is drawn, and under which names.
struct drawn_part {
  struct column {
    int at = 0;           ///< in the row
    std::size_t tag = 0;  ///< position in `names`
    Oid type = 0;
  };
  std::string layer;
  std::vector<std::string> names;  ///< of the tile's properties
  std::vector<column> columns;
  std::optional<column> condition;  ///< of the circuit that stands there; not when it is among the columns
  std::vector<int> key_columns;     ///< of a key that is made here
  bool integer_key = false;
  bool key_is_a_property = false;  ///< it is among the columns: told once
  bool lattice = false;
};
std::vector<drawn_part> drawn_parts(const tile_layers& layers, std::span<const tile_part> parts,
                                    const tile_layout& layout);

/// Writes rows of a tile_statement as a vector tile.
class tile_writer {
 public:
  /// \param parts  must outlive it, as must `known`
  /// \param known  of the version that the rows' snapshot has; may be null when every part is joined
  tile_writer(std::span<const drawn_part> parts, const geo::tile& t, const circuit_conditions* known);

  /// \param rows  the same for all that is appended; they outlive it
  void append(const postgres::result_set& rows, int row, std::size_t part);
  void finish(std::string& out) const;

 private:
  std::string_view key_of(const drawn_part& p, const postgres::result_set& rows, int row);

  std::span<const drawn_part> parts_;
  const circuit_conditions* known_;
  std::string key_;                       ///< the last one made here
  std::string_view circuit_, condition_;  ///< the last circuit that was looked up; in the rows, and in known_
  std::deque<geo::mvt_layer> layers_;
};

}  // namespace gridlight::api
