#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/bbox.hpp"
#include "server/http/stream.hpp"
#include "server/versions.hpp"

namespace gridlight::api {

/// The versions of a layer that a listener was told of.
struct told_version {
  std::int64_t version = 0, tiles = 0;  ///< of the layer, of its generalised table (0: none)
  std::int64_t places = 0;              ///< of the layer whose places that table has (0: its own)
  friend bool operator==(const told_version&, const told_version&) = default;
};
struct told_versions : std::map<std::string, told_version, std::less<>> {
  using map::map;
  std::uint64_t mark = 0;  ///< version_store::mark() of them
};

/// "@1f0c29d07a6b35e8,circuits=97,topology=812/810": the same on every replica.
std::string event_id(const told_versions& told);
/// What a client sends as Last-Event-ID; nothing when it is none of ours.
std::optional<told_versions> read_event_id(std::string_view text);

/// Of a snapshot that holds but the first outages.
inline constexpr std::string_view outages_cut_member = ",\"outages_truncated\":true";

/// An outage that is not restored.
struct open_outage {
  std::string feature;
  std::optional<geo::bbox> at;  ///< nothing: it has no place that may be told
  friend bool operator==(const open_outage& a, const open_outage& b) { return a.feature == b.feature; }
};

/// The grid's state as listeners are told it. Immutable.
struct grid_state {
  std::map<std::string, std::string, std::less<>> substations;  ///< JSON of id and of row
  std::map<std::string, open_outage, std::less<>> outages;      ///< by JSON of the id
  http::chunk_pointer substations_member;  ///< `,"substations":[…]` in the route's order
  http::chunk_pointer outages_member;      ///< `,"outages":[…]`, and outages_cut_member
  bool outages_cut = false;                ///< there are more, of which nothing is told
  /// Says the same.
  friend bool operator==(const grid_state& a, const grid_state& b) {
    return a.outages_cut == b.outages_cut && a.substations == b.substations && a.outages == b.outages;
  }
};

/// What listeners have been told up to now. Immutable; each change makes another.
struct event_state {
  told_versions told;
  std::shared_ptr<const version_store::knowledge> known;  ///< at least what was told
  std::shared_ptr<const grid_state> grid;                 ///< null: this server has none
  bool silent_grid = false;  ///< it changes without a version that would tell: some table of it has none
};
using event_state_pointer = std::shared_ptr<const event_state>;

/// What a listener wants to hear of.
struct event_filter {
  std::vector<std::string> layers;  ///< sorted
  std::vector<std::string>
      placeless;  ///< of these, those of whose changes this caller may not know the place
  std::optional<std::array<double, 4>> box;  ///< as bbox=

  bool wants(std::string_view layer) const noexcept;
  bool wants_status() const noexcept;
  friend auto operator<=>(const event_filter&, const event_filter&) = default;
};

/// One step from a state to the next, with what all listeners' texts of it have in common.
class event_step {
 public:
  /// \param before  null: whatever was told before is of another history
  event_step(event_state_pointer before, event_state_pointer after);

  const event_state_pointer& after() const noexcept { return after_; }
  /// All its events for one filter, the last with the id; empty: it has none. Nothing when a snapshot is due
  /// instead.
  std::optional<std::string> text(const event_filter& f) const;

 private:
  struct outage_event {
    std::string text;
    std::vector<geo::bbox> places;  ///< before and after; none: it has none
  };
  event_state_pointer before_, after_;
  std::string status_;
  std::vector<outage_event> outages_;
};

/// The first event of a listener. In pieces, for the large ones are shared.
std::vector<http::chunk_pointer> snapshot_text(const event_state& now, const event_filter& f);

/// What somebody has missed who was told `told` last: layer events, then a snapshot when status or outages
/// may have moved, for what they were is not kept, or not told by versions. Nothing when a snapshot of all is
/// due: the change log does not reach back, or `told` is of another history.
std::optional<std::vector<http::chunk_pointer>> resumed_text(const told_versions& told,
                                                             const event_state& now, const event_filter& f);

/// A change's envelopes in one event; more are told as the one that holds them all.
inline constexpr std::size_t most_envelopes = 64;

}  // namespace gridlight::api
