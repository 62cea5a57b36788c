#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "geo/wkb.hpp"
#include "server/catalog.hpp"
#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// How a column's values are checked and written. `unsupported` is an error only when a file has values for
/// it.
enum class column_kind : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  text,
  date,
  time,
  timestamp,
  timestamptz,
  uuid,
  bytea,
  json,
  jsonb,
  geometry,
  unsupported
};

/// A column of the table that is loaded.
struct target_column {
  std::string name;
  std::string type;  ///< as SQL says it, such as "numeric(12,2)"
  column_kind kind = column_kind::text;
  bool not_null = false;
  bool has_default = false;                 ///< a default or an identity: may be left out
  bool generated = false;                   ///< computed by Postgres: never written
  int max_characters = 0;                   ///< of varchar(n) and char(n); 0: any
  int precision = 0, scale = 0;             ///< of numeric; precision 0: any
  std::optional<geo::geometry_type> shape;  ///< of geometry(Point, …); nothing: any
  std::uint32_t srid = 0;                   ///< of geometry(…, 4326); 0: any
  /// Of a generated geometry: the longitude and latitude columns of its positions, in order; empty when its
  /// expression is of another form.
  std::vector<std::pair<std::string, std::string>> positions;
};

/// The (longitude, latitude) column pairs of the ST_MakePoint calls in a generation expression.
std::vector<std::pair<std::string, std::string>> positions_of(std::string_view expression);

/// Columns in the table's order. Fails with schema_mismatch when there is no such table.
boost::asio::awaitable<result<std::vector<target_column>>> read_target(postgres::connection& db,
                                                                       std::string schema, std::string table);

/// SQL of where a layer's features are, over its table's columns; empty: nowhere.
std::string place_sql(const layer_config& layer, const std::vector<target_column>& columns);

const target_column* find_column(const std::vector<target_column>& columns, std::string_view name);

}  // namespace gridlight::sync
