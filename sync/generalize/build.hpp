#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "server/catalog.hpp"
#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync::generalize {

/// What became of a layer's generalised table.
struct outcome {
  enum class kind {
    none,      ///< it has none and needs none: its tiles are not too full at any zoom, or it has no versions
    removed,   ///< it needs none any more
    current,   ///< it was up to date
    repaired,  ///< only what changed was made anew
    built,     ///< all of it was
    busy,      ///< another session is at it, or came in between: try again
  };
  kind what = kind::none;
  int detail = 0;            ///< its detail_zoom
  std::int64_t version = 0;  ///< of the layer that it now is of
  std::int64_t rows = 0;     ///< written
};
std::string_view name(outcome::kind k) noexcept;

/// The layer can have one: it has a place that may be told, versions, and zooms.
bool may_have_tiles(const layer& l) noexcept;

/// What tile_state.rules says when the table fits the layer. \param place_version  of the layer that its
/// places are those of; empty: its own
std::string current_rules(const layer& l, std::string_view place_version);

/// Brings a layer's generalised table up to the layer's version of now, in one transaction. Readers see the
/// old one or the new one. What is there is repaired where the change rows tell all that changed, unless
/// `anew`, and made anew otherwise. A layer whose places are those of another layer is made anew with each
/// change of either. Nobody waits for it but those who would alter the layer's table; where readers of the
/// old one do not let go of it for two minutes, it fails with conflict.
boost::asio::awaitable<result<outcome>> build(postgres::connection& db, const layer& l, bool anew = false);

}  // namespace gridlight::sync::generalize
