#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "api/column_writer.hpp"
#include "api/far_search.hpp"
#include "api/layer_sql.hpp"
#include "api/postgis_source.hpp"

// What the files of postgis_source share; nobody else includes this.
namespace gridlight::api {

enum class operation : std::uint64_t {
  within = 1,
  nearest,
  nearest_of_all,
  region,
  by_key,
  patches,
  nearest_in_patches
};

inline std::uint64_t statement_key(operation op, std::int64_t size = 0, std::uint64_t flags = 0) {
  return static_cast<std::uint64_t>(op) << 56 | flags << 40 | static_cast<std::uint64_t>(size);
}

// A query that reads no more rows than this takes a few milliseconds, so it may share its connection.
inline constexpr double few_rows = 1000;
constexpr postgres::share sharing(double rows) noexcept {
  return rows <= few_rows ? postgres::share::yes : postgres::share::no;
}

// What feature_collection() puts round the features; a longer link only costs a copy.
inline constexpr std::size_t envelope_room = 256;
inline constexpr std::size_t most_kept_room = 1 << 20;  // a larger answer is rare: its room is given back

// Rows that are there: an empty answer is one row with a null key, and EMPTY geometries have no distance
// (they sort last).
inline std::int64_t rows_present(const postgres::result_set& rows, int must_be) {
  std::int64_t n = rows.rows();
  while (n > 0 && rows.is_null(static_cast<int>(n) - 1, must_be))
    --n;
  return n;
}

struct postgis_source::prepared_layer {
  explicit prepared_layer(const layer_ref& l)
      : of(l), sql(*l), writer(*l), columns(*l, writer), layout(layout_of(*l)) {}

  // `make` is called once for each key; parameters are the types of what comes first, the others are
  // inferred.
  template <class Make>
  const postgres::statement& get(std::uint64_t key, std::span<const Oid> parameters, Make make) {
    const auto found = statements.find(key);
    if (found != statements.end()) return found->second;
    return statements.try_emplace(key, make(), std::vector<Oid>{parameters.begin(), parameters.end()})
        .first->second;
  }

  template <class Make>
  const postgres::statement& get(std::uint64_t key, std::initializer_list<Oid> parameters, Make make) {
    return get(key, std::span<const Oid>{parameters.begin(), parameters.size()}, make);
  }

  result<void> check(const postgres::result_set& rows) const {
    if (writer.fits(rows)) return {};
    return failure{errc::schema_mismatch, "the columns of layer " + of->config.name + " have changed"};
  }

  // Writes the first `count` rows, which are all there.
  void write(feature_page& page, const postgres::result_set& rows, std::int64_t count,
             const property_selection& properties, std::optional<int> distance, answer_form form,
             http::request_timing& timing) {
    const auto start = steady::now();
    if (rows.rows() > 0 && !rows.is_null(0, 0)) page.version = rows.integer(0, 0);
    if (of->snap && rows.rows() > 0 && !rows.is_null(0, 1)) page.place_version = rows.integer(0, 1);
    page.count = count;
    static thread_local std::string room;
    geo::text_sink out{geo::text_sink::kept_room{room}};
    if (form == answer_form::columns) {
      columns.append(out, rows, count, properties, distance);
    } else {
      for (int row = 0; row < static_cast<int>(count); ++row) {
        if (row > 0) out.append(',');
        writer.append(out, rows, row, properties, distance);
      }
    }
    page.features.reserve(out.size() + envelope_room);
    page.features.append(out.text());
    if (room.size() > most_kept_room) room = {};
    timing.encode_ms += ms_since(start);
  }

  const layer_ref of;
  const layer_sql sql;
  const feature_writer writer;
  const column_writer columns;
  const row_layout layout;
  std::map<std::uint64_t, postgres::statement> statements;
  std::optional<disc> extent;  ///< of when it was asked for; decides the way, never an answer
  bool extent_asked = false, extent_outdated = false;
};

struct postgis_source::near_question {
  geo::lonlat at;
  std::optional<double> bound_m;
  std::int64_t limit;
  const property_selection& properties;
  answer_form form;
};

}  // namespace gridlight::api
