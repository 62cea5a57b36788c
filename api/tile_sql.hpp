#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/circuit_conditions.hpp"
#include "server/catalog.hpp"
#include "server/postgres/statement.hpp"

namespace gridlight::api {

/// A layer of a tile, and where its rows are: in its own table, or in its generalised one.
struct tile_part {
  const layer* of = nullptr;
  bool generalised = false;
  bool joined = false;  ///< its circuits' conditions come with the rows; else circuit_conditions tells them
};

/// Something whose version a tile is made from.
struct tile_source {
  std::string name;  ///< of a layer, or `conditions`
  bool generalised = false;
  bool anywhere = false;   ///< its places are hidden: where it changed must not show in which tiles change
  bool versioned = true;   ///< else nothing tells of its changes, and a tile of it is never kept
  std::int64_t rules = 0;  ///< what its generalised table must be made by, to have the columns that are read
  std::string placed =
      {};  ///< the layer whose generalised table holds places of this one, as of a version of its own
  friend bool operator==(const tile_source&, const tile_source&) = default;
};
std::vector<tile_source> sources_of(std::span<const tile_part> parts);

/// Carries the condition of its circuit; it is there when the layer names one.
inline constexpr std::string_view condition_property = "circuit_status";
bool has_condition(const layer& l);
/// Where a row's circuit stands among the served properties; nothing: it is the key.
/// \pre has_condition(l)
std::optional<std::size_t> circuit_position(const layer& l);
/// Whether a row's circuit can be told from what is read anyway; else its condition must be joined.
bool tells_circuit(const layer& l);
/// Whether the key, of several columns, is made of the properties that are read anyway, instead of in SQL.
bool composes_key(const tile_part& part);
/// Whether its geometries are lines on the lattice of a tile (geo::lattice_lines), not EWKB.
bool on_lattice(const tile_part& part);

/// Where columns stand. Rows come after a first one whose part is -1, and whose key tells of each source
/// "version", of a generalised one "version detail_zoom" (- for what is not there, or not made by these
/// rules), joined by commas.
struct tile_layout {
  static constexpr int part = 0;   ///< int4: twice the part's number, plus one of an aggregate without a key
  static constexpr int count = 1;  ///< int8: features it stands for; null: itself alone
  static constexpr int total = 2;  ///< int8: rows there are in all of this part, of a ranked statement
  static constexpr int key = 3;    ///< text; null where composes_key()
  static constexpr int geometry = 4;  ///< bytea: EWKB, or as on_lattice() says
  std::vector<int>
      properties;  ///< first column of each part's served_properties, then its condition when joined
  int columns = 5;
};
tile_layout layout_of(std::span<const tile_part> parts);

/// Parameters: $1…$4 the tile with its buffer (min_lon, min_lat, max_lon, max_lat), $5 z, $6 x, $7 y (int4),
/// and of a ranked statement how many rows.
enum class tile_rows : std::uint8_t {
  all,    ///< of each part at most `most` + 1
  ranked  ///< those of the highest rank, and how many there are
};
std::string tile_statement(std::span<const tile_part> parts, tile_rows rows, std::int64_t most);
std::vector<Oid> tile_parameters(tile_rows rows);
/// The last version of layer $1 behind $2 and up to $3 whose change touched the box $4…$7, as far as it is
/// known; null: none.
const postgres::statement& touched_statement();

/// A box's size is unknown to a generic plan, which then takes the spatial index: always right for a tile,
/// and planned once. Custom plans cost half a millisecond each, and some flip to reading the whole table.
inline constexpr std::string_view tile_session_sql = "SET plan_cache_mode = force_generic_plan";

}  // namespace gridlight::api
