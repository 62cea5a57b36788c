#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gridlight {

/// Keeps what was costly to make, within a number of bytes. When it is full, what gives least goes: what cost
/// little to make for its size, was seldom asked for, and not lately (GreedyDual-Size-Frequency; Cherkasova,
/// HP Labs 1998), of a sample. For all threads, in shards.
template <class Value>
class byte_cache {
 public:
  struct counts {
    std::uint64_t entries = 0, bytes = 0;
    std::uint64_t for_room = 0;  ///< entries given up for others
  };

  explicit byte_cache(std::size_t budget_bytes) : budget_(budget_bytes / shard_count) {}

  /// Null: not there.
  std::shared_ptr<const Value> find(std::string_view key) {
    shard& s = shard_of(key);
    const std::lock_guard guard{s.lock};
    const auto at = s.places.find(key);
    if (at == s.places.end()) return nullptr;
    slot& found = s.slots[at->second];
    ++found.uses;
    found.worth = s.clock + static_cast<double>(found.uses) * found.cost_per_byte;
    return found.value;
  }

  /// \param keep   true of what stands there already and shall stay
  /// \param bytes  of the value; one larger than a shard is not kept
  void put(std::string_view key, std::shared_ptr<const Value> value, std::size_t bytes, double cost_ms,
           const std::function<bool(const Value&)>& keep = {}) {
    bytes += key.size() + overhead;
    if (bytes > budget_) return;
    shard& s = shard_of(key);
    const std::lock_guard guard{s.lock};
    const auto at = s.places.find(key);
    std::uint64_t uses = 1;
    if (at != s.places.end()) {
      const slot& there = s.slots[at->second];
      if (keep && keep(*there.value)) return;
      uses = there.uses;
      s.drop(at->second);
    }
    while (s.bytes + bytes > budget_)
      s.drop_least();
    const double cost_per_byte = cost_ms / static_cast<double>(bytes);
    const auto place = s.places.emplace(std::string{key}, s.slots.size()).first;
    s.slots.push_back({place, std::move(value), bytes, uses, cost_per_byte,
                       s.clock + static_cast<double>(uses) * cost_per_byte});
    s.bytes += bytes;
  }

  counts count() const {
    counts out;
    for (const shard& s : shards_) {
      const std::lock_guard guard{s.lock};
      out.entries += s.slots.size();
      out.bytes += s.bytes;
      out.for_room += s.for_room;
    }
    return out;
  }

 private:
  static constexpr std::size_t shard_count = 16, sample = 8;
  static constexpr std::size_t overhead = 256;  // of an entry: the map's node, the slot, control blocks

  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using place_map = std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>>;

  struct slot {
    typename place_map::iterator place;
    std::shared_ptr<const Value> value;
    std::size_t bytes = 0;
    std::uint64_t uses = 1;
    double cost_per_byte = 0, worth = 0;
  };

  struct shard {
    mutable std::mutex lock;
    std::vector<slot> slots;
    place_map places;  // into slots
    std::size_t bytes = 0;
    double clock = 0;  // worth of what was given up last
    std::uint64_t for_room = 0, random = 0x9E3779B97F4A7C15U;

    void drop(std::size_t index) {
      places.erase(slots[index].place);
      bytes -= slots[index].bytes;
      if (index + 1 != slots.size()) {
        slots[index] = std::move(slots.back());
        slots[index].place->second = index;
      }
      slots.pop_back();
    }
    void drop_least() {
      std::size_t least = next() % slots.size();
      for (std::size_t i = 1; i < sample; ++i)
        if (const std::size_t other = next() % slots.size(); slots[other].worth < slots[least].worth)
          least = other;
      clock = std::max(clock, slots[least].worth);
      ++for_room;
      drop(least);
    }
    std::size_t next() noexcept {  // xorshift64
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      return random;
    }
  };

  shard& shard_of(std::string_view key) noexcept {
    return shards_[std::hash<std::string_view>{}(key) % shard_count];
  }

  const std::size_t budget_;  // of a shard
  std::array<shard, shard_count> shards_;
};

}  // namespace gridlight
