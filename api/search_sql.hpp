#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/catalog.hpp"

namespace gridlight::api {

/// How a search finds rows of a layer, by what that costs.
enum class key_search : std::uint8_t {
  contains,  ///< a small table is read whole: the text may stand anywhere in the key or a name
  prefix,    ///< along the key's index, as typed, in capitals and in small letters
  exact      ///< the whole key, as of tables of others, of which nobody knows what may be asked quickly
};

struct searched_layer {
  const layer* it = nullptr;
  key_search key = key_search::exact;
  bool names = false;  ///< its names are read through; they are few
};

/// The layers of a catalog that a caller may search: all but those whose place is personal, which scope
/// personal alone may. In the catalog's order.
std::vector<searched_layer> searchable(const catalog& c, bool personal);

/// One statement that searches all `layers`; which of them is a parameter. $1 the text, $2 text[] of layers'
/// names, $3 how many rows; then the parts of the key, as texts, of each layer that is searched by
/// key_search::exact. Columns: a version (bigint) of each layer, then search_column. An answer without a hit
/// is one row with a null key.
/// \param rows  literal bound for the planner, at least $3
std::string search_sql(std::span<const searched_layer> layers, std::int64_t rows);

/// Behind the versions. `rank` orders the hits, see search_rank; x and y are a point of the feature, the
/// others its box.
enum search_column : int {
  hit_layer,
  hit_key,
  hit_name,
  hit_rank,
  hit_x,
  hit_y,
  hit_box,
  hit_columns = hit_box + 4
};

enum search_rank : int {
  key_is,
  name_is,
  key_starts,
  name_starts,
  name_word_starts,
  name_contains,
  key_contains
};

}  // namespace gridlight::api
