#include "server/tile_rules.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "server/identity/token.hpp"
#include "server/layer_columns.hpp"

namespace gridlight {
namespace {

// Raised when the same rows and rules give another table.
constexpr int algorithm = 4;

}  // namespace

std::string generalisation_rules(const layer& l) {
  const layer_config& c = l.config;
  std::string out =
      fmt::format("{} zooms {}-{} detail {} rank {} merge {} from {}{} key {} at {}", algorithm, c.min_zoom,
                  c.max_zoom, c.tiles.detail ? std::to_string(*c.tiles.detail) : "auto", c.tiles.rank,
                  c.merge_column(), layer_columns::table(l), layer_columns::join(l),
                  layer_columns::key_text(l), layer_columns::place_of(l).geometry);
  out += fmt::format(" {}", name(c.geometry_type));
  for (const property& p : served_properties(l))
    out += fmt::format(" {}:{}", layer_columns::read(p), p.type);
  return out;
}

std::int64_t hash_of_rules(std::string_view rules) {
  const identity::digest all = identity::sha256(rules);
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i)
    out = out << 8 | static_cast<std::uint8_t>(all[i]);
  return static_cast<std::int64_t>(out);
}

}  // namespace gridlight
