#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/circuit_conditions.hpp"
#include "api/tile_request.hpp"
#include "api/tile_sql.hpp"
#include "api/tile_state.hpp"
#include "geo/tile.hpp"
#include "server/config.hpp"
#include "server/http/compress.hpp"
#include "server/http/request.hpp"
#include "server/postgres/pool.hpp"
#include "server/versions.hpp"

namespace gridlight::api {

/// A tile, ready to be sent.
struct made_tile {
  std::shared_ptr<const std::string> packed;  ///< gzip
  std::shared_ptr<const std::string>
      plain;  ///< instead, where nobody wanted it packed; neither: nothing lies in it
  tile_name name;
  std::vector<source_state> sources;
  std::uint64_t history = 0;  ///< version_store::history() before it was asked for
  mutable seen_versions asked_with =
      {};  ///< what the client knew of, where that was not known here; set before it is kept
  std::int64_t dropped = 0;  ///< features left out for the sake of the budgets
  http::request_timing timing;

  /// The edition of what is known of versions, with the number of the catalog, by which it was found right
  /// last: by the same it need not be judged again. It holds no catalog: those of long ago would stay for its
  /// sake.
  mutable std::atomic<std::uint64_t> right_by{0};
  /// The versions of the first sources up to which no change touched it: only later ones have to be looked
  /// at.
  mutable std::array<std::atomic<std::int64_t>, 8> right_to{};

  bool versioned() const noexcept;
};
using tile_ptr = std::shared_ptr<const made_tile>;

/// What a statement's first row says of a source.
struct told_source {
  std::optional<std::int64_t> version, detail_zoom;
};

/// Makes tiles: one statement, then the encoding. One object a thread.
class tile_maker {
 public:
  /// \param circuits  must outlive it
  tile_maker(postgres::pool& pool, condition_store& circuits, const config::tile_settings& settings);
  ~tile_maker();

  /// \param known   may be null: then nothing is generalised, and `touched` is the version
  /// \param packed  whether somebody takes gzip, or keeps it; else packing, a fifth of the work, is left out
  boost::asio::awaitable<result<tile_ptr>> make(tile_layers layers, geo::tile t,
                                                std::shared_ptr<const version_store::knowledge> known,
                                                std::uint64_t history, deadline until, postgres::urgency rank,
                                                bool packed);

 private:
  struct question;
  struct prepared;
  struct counted;

  boost::asio::awaitable<result<postgres::result_set>> ask(question& q, tile_rows rows, std::int64_t limit);
  std::shared_ptr<const prepared> prepare(const question& q, tile_rows rows);
  boost::asio::awaitable<result<bool>> find_conditions(question& q, const std::vector<told_source>& told);
  boost::asio::awaitable<result<source_state>> state_of(question& q, const tile_source& of,
                                                        std::optional<std::int64_t> version);
  counted encode(const question& q, const postgres::result_set& rows, std::string& out);

  postgres::pool& pool_;
  condition_store& circuits_;
  const config::tile_settings& settings_;
  const std::int64_t most_;  ///< features of a layer that fit the time budget
  struct kept {
    std::shared_ptr<const prepared> how;
    std::uint64_t last_used = 0;
    bool large = false;
  };
  std::map<std::string, kept, std::less<>> prepared_;
  std::size_t large_ = 0;  ///< of more than a few layers
  std::uint64_t uses_ = 0;
  std::shared_ptr<const catalog> of_;  ///< whose layers the prepared are about
  http::gzip_packer packer_;
};

}  // namespace gridlight::api
