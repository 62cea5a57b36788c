#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/tile_request.hpp"
#include "api/tile_sql.hpp"
#include "geo/bbox.hpp"
#include "geo/tile.hpp"
#include "server/versions.hpp"

/// Tiles by the versions of what they are made from.
namespace gridlight::api {

/// What a tile was made from, of one source.
struct source_state {
  tile_source of;
  std::optional<std::int64_t> version;  ///< of the rows; nothing: it has none
  std::int64_t touched = 0;             ///< the last version up to that which touched the tile
};

/// What names a tile to clients.
struct tile_name {
  std::string etag;      ///< of what was asked, and the version of each source that touched it last
  std::string versions;  ///< "layer=version, …"
};
/// The ETag is empty when a source has no version. \param mark  version_store::mark()
tile_name name_of(std::string_view key, std::span<const source_state> sources, std::uint64_t mark);

/// Which of the layers are drawn at a zoom, and from where.
std::vector<tile_part> parts_at(const tile_layers& layers, int zoom, const version_store::knowledge* known);

/// The part of the map in which a change touches the tile: with its buffer, and of generalised rows with a
/// cell of their grid round it.
geo::bbox reach_of(const geo::tile& t, bool generalised);
geo::bbox reach_of(const geo::tile& t, const tile_source& s);

/// A source's state as far as it is known without asking the database. \param since  what touched it up to
/// this version is not looked for: `touched` is then at least that
std::optional<source_state> known_state(const tile_source& s, const geo::tile& t,
                                        const version_store::knowledge& known, std::int64_t since = 0);

}  // namespace gridlight::api
