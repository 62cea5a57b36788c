#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/services.hpp"
#include "geo/bbox.hpp"

namespace gridlight::api {

/// A row of gridlight.layer_state.
struct layer_state {
  std::int64_t version = 0;
  std::string changed_at;  ///< RFC 3339
  std::optional<std::int64_t> row_count;
  std::optional<geo::bbox> bounds;
  std::string source_synced_at;  ///< RFC 3339; empty: no source
  std::optional<double> lag_s;   ///< now − source_synced_at, on the database's clock
};

using layer_states = std::map<std::string, layer_state, std::less<>>;

/// What is said of a layer's own table; null: nothing, or what is said of its name is another table's.
const layer_state* state_of(const layer_states& all, const layer& l);
/// The same of the table that its places are from; null also when they may not be told.
const layer_state* state_of_places(const layer_states& all, const layer& l);

/// All of them, by layer. Without the table, as with attached databases alone, none.
boost::asio::awaitable<result<layer_states>> read_layer_states(services& s, postgres::lane lane,
                                                               deadline until,
                                                               postgres::query_timing& timing);

}  // namespace gridlight::api
