#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/catalog.hpp"

namespace gridlight {

/// What a layer's generalised table is made by, apart from the rows: another text, another table, whose
/// columns are not these. gridlight.tile_state.rules begins with it; of a layer whose places are those of
/// another there follows place_mark with the version of those.
std::string generalisation_rules(const layer& l);
inline constexpr std::string_view place_mark = " place version ";

/// A hash of such a text, and what gives it in SQL, of the row s of gridlight.tile_state.
std::int64_t hash_of_rules(std::string_view rules);
inline constexpr std::string_view rules_hash_sql =
    "('x' || encode(substr(sha256(convert_to(split_part(s.rules, ' place version ', 1), 'UTF8')), 1, 8), "
    "'hex'))::bit(64)::bigint";
/// The version of the places, in SQL; null: they are the layer's own, or have none.
inline constexpr std::string_view place_version_sql =
    "substring(s.rules from ' place version ([0-9]+)$')::bigint";

}  // namespace gridlight
