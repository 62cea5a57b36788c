#pragma once

#include <libpq-fe.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"
#include "server/published.hpp"

namespace gridlight {

enum class layer_mode { managed, attached, mirrored };
enum class layer_kind { fixed, dynamic, derived };  ///< "static", "dynamic", "derived" in the config
enum class geometry_kind { none, point, line, polygon, mixed };
std::string_view name(layer_mode m) noexcept;
std::string_view name(layer_kind k) noexcept;
std::string_view name(geometry_kind k) noexcept;

/// How a layer's tiles of low zooms are made.
struct tile_rules {
  std::optional<int> detail;  ///< the zoom from which on tiles show every feature; default: found out
  std::string merge;          ///< lines that agree in this column are drawn as one; default: the circuit's
  std::string rank;           ///< of features too close to each other that with the highest value stays

  friend bool operator==(const tile_rules&, const tile_rules&) = default;
};

/// A layer as gridlight.yaml declares it. Defaults are those of an omitted key.
struct layer_config {
  std::string name;   ///< [a-z][a-z0-9_]*, at most 60; the {layer} of URLs
  std::string title;  ///< for people; default: the name
  std::string schema = "public";
  std::string table;                ///< default: the name
  std::vector<std::string> key;     ///< one or more columns
  std::string geometry = "geom";    ///< column of type geometry or geography; empty: none
  std::string longitude, latitude;  ///< instead of `geometry`, a pair of columns
  geometry_kind geometry_type = geometry_kind::mixed;
  std::vector<std::string> properties;  ///< columns served, in order; empty: all but key and geometry
  std::vector<std::string> personal;    ///< columns that only scope personal sees
  std::string snap_layer, snap_by;  ///< whose place stands for a personal one, and the column with its key
  int min_zoom = 0, max_zoom = 20;
  layer_mode mode = layer_mode::managed;
  layer_kind kind = layer_kind::fixed;
  std::string circuit;              ///< column that names the circuit a feature belongs to; empty: none
  std::vector<std::string> search;  ///< columns whose texts a search looks through, the one to show first
  tile_rules tiles;

  /// The column by which its lines are merged at low zooms; empty: they are not.
  std::string_view merge_column() const noexcept;

  friend bool operator==(const layer_config&, const layer_config&) = default;
};

/// A column as it is served.
struct property {
  std::string name;
  Oid type;                    ///< type in the result: the column's own, or text when it has to be cast
  bool cast_to_text = false;   ///< a type that is not decoded natively is read as column::text
  std::string_view json_type;  ///< "string", "integer", "number", "boolean", "object"
  std::string_view format;     ///< "date", "date-time", "uuid", or empty

  friend bool operator==(const property&, const property&) = default;
};

/// Where the features of a layer are said to be when their own place is personal: at a feature of another
/// layer.
struct stand_in {
  std::string layer, schema, table;
  std::string key, by;  ///< the column of that table that the column `by` of ours names
  std::string geometry, longitude, latitude;
  bool geography = false;
  bool versioned = false;  ///< as of the layer whose places they are

  friend bool operator==(const stand_in&, const stand_in&) = default;
};

/// A layer as found in the database.
struct layer {
  layer_config config;
  std::vector<property> key;
  std::vector<property> properties;
  bool geography = false;  ///< the geometry column is of type geography
  int srid = 4326;
  std::int64_t estimated_rows =
      0;                       ///< layer_state, else pg_class.reltuples; for plan choices, not for answers
  double extent_area_km2 = 0;  ///< of its bounds; 0: unknown
  /// Its own table, not another one of its name, tells of its changes (gridlight.watched): what layer_state
  /// says is of its rows, and can be read with them.
  bool versioned = false;
  std::optional<stand_in> snap;  ///< only where the place is hidden
  bool key_by_bytes =
      false;  ///< the key is one text, and its order is that of its bytes: an index of it finds prefixes
  /// A hash of all that decides what of its rows is served, and how: answers by one definition are not those
  /// by another. The same on every server. Made by the catalog.
  std::uint64_t definition = 0;
  std::int64_t rules =
      0;  ///< hash_of_rules of its generalised table, as it would be made now. Made by the catalog.

  /// The key of a feature is one text: the columns' texts joined by ':', with '\' before ':' and '\' in them.
  bool has_geometry() const noexcept { return config.geometry_type != geometry_kind::none; }
  /// The place itself is among the personal columns.
  bool hides_place() const noexcept;
  /// There is a place that may be told: the layer's own, or the one that stands in for it.
  bool has_place() const noexcept { return has_geometry() && (snap || !hides_place()); }
  friend bool operator==(const layer&, const layer&) = default;
};

/// All layers, in the config's order. Immutable; shared by all threads.
class catalog {
 public:
  struct unusable {
    friend bool operator==(const unusable&, const unusable&) = default;
    std::string name, reason;  ///< declared, but its table or a column is missing, or its SRID is not 4326
  };
  catalog() = default;
  catalog(std::vector<layer> layers, std::vector<unusable> broken);
  const layer* find(std::string_view name) const noexcept;  ///< as everybody sees it
  /// The layer as scope personal sees it: nothing is personal any more.
  const layer& unveiled(const layer& l) const noexcept;
  std::span<const layer> layers() const noexcept { return layers_; }
  std::span<const unusable> broken() const noexcept { return broken_; }
  /// Another one of each that was made in this process; a copy's is the same.
  std::uint64_t number() const noexcept { return number_; }
  /// Serves the same, and would not choose other plans: numbers of rows and extents, which change with the
  /// data, are about the same.
  bool as_good_as(const catalog& other) const;

 private:
  std::uint64_t number_ = 0;
  std::vector<layer> layers_, unveiled_;
  std::vector<unusable> broken_;
};

/// Reads columns and types of the declared layers; a layer that does not fit lands in broken(), it never
/// fails the rest.
boost::asio::awaitable<result<catalog>> read_catalog(postgres::connection& db,
                                                     std::span<const layer_config> declared, deadline until);

/// The catalog that all threads see; empty until the database was read for the first time.
class catalog_store {
 public:
  std::shared_ptr<const catalog> get() const noexcept { return current_.load(); }
  void set(std::shared_ptr<const catalog> next) noexcept { current_.store(std::move(next)); }

 private:
  published<const catalog> current_;
};

}  // namespace gridlight
