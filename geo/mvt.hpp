#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "geo/tile.hpp"
#include "geo/tile_shaper.hpp"

namespace gridlight::geo {

/// One layer of a vector tile (Mapbox Vector Tile Specification 2.1), feature by feature:
///   if (layer.begin(id, ewkb)) { layer.tag(0, "…"); layer.tag(3, 4.5); layer.end(); }
/// Nothing is thrown but std::bad_alloc. Buffers are kept from feature to feature, and from tile to tile when
/// restarted.
class mvt_layer {
 public:
  /// \param keys    property names in the order that tag() counts them by; copied
  /// \param extent  units of a tile's side   \param buffer  units beyond it that are drawn, too
  mvt_layer(std::string_view name, const tile& t, std::span<const std::string> keys, int extent = 4096,
            int buffer = 64);

  /// As newly made, for another tile.
  void restart(const tile& t);

  /// Begins a feature from EWKB in degrees (EPSG:4326). False: nothing of it lies in the tile or it is
  /// smaller than the grid, or the bytes are no geometry; then there is no feature, and no tag() or end() may
  /// follow.
  bool begin(std::uint64_t id, std::span<const std::byte> ewkb);
  /// The same from lines on the tile's own lattice (see lattice_lines).
  bool begin_lattice(std::uint64_t id, std::span<const std::byte> lines);

  /// At most one value a key and feature. A null is not told at all; NaN and infinities are left out.
  void tag(std::size_t key, std::string_view value);
  void tag(std::size_t key, const char* value) { tag(key, std::string_view{value}); }
  void tag(std::size_t key, std::int64_t value);
  void tag(std::size_t key, double value);  ///< stays a double when it is an integer
  void tag(std::size_t key, bool value);
  void end();

  std::size_t features() const noexcept { return count_; }  ///< that were ended
  std::size_t bytes() const noexcept;                       ///< that finish() would append now

  /// Appends the layer as a part of a tile: tiles of several layers are their layers one after another.
  /// Appends nothing when it has no feature.
  void finish(std::string& out) const;

 private:
  struct slot {
    std::uint32_t hash = 0, index = 0;  ///< index + 1; 0: free
    std::uint32_t at = 0, size = 0;     ///< of the value's message in values_
  };
  struct key_state {
    std::string name;
    std::uint32_t index = 0;  ///< index in the message + 1; 0: not used yet
    std::uint32_t last = 0;   ///< index of its last value + 1; features often come in runs of one
    std::uint32_t last_at = 0, last_size = 0;
  };

  void add(std::size_t key, std::string_view head, std::string_view tail);
  void grow();
  std::size_t body_size() const noexcept;
  bool start(std::uint64_t id, bool shaped);
  void write_geometry();

  std::string name_;
  int extent_;
  tile_shaper shaper_;
  std::vector<key_state> keys_;
  std::vector<slot> slots_;
  std::size_t count_ = 0;
  std::uint32_t keys_used_ = 0, values_used_ = 0;
  std::uint64_t id_ = 0;
  std::string features_, key_list_, values_;  ///< messages with their tags, as they go into the layer
  std::string tags_, geometry_;               ///< of the feature that is begun; geometry_ is but room
  std::size_t geometry_size_ = 0;
};

/// A number for a feature whose key is `text`: an integer in plain decimal from 0 to 2^53 - 1 is its own, any
/// other text gets a hash of as many bits: clients keep ids in doubles. The same text has the same number
/// always.
std::uint64_t feature_id(std::string_view text) noexcept;

}  // namespace gridlight::geo
