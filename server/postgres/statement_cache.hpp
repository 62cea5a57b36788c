#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

namespace gridlight::postgres {

/// Which statements one session has prepared, the least recently used last, and what they weigh together.
/// Each preparation has a number of its own, from which its name comes: one that is made anew never meets
/// what became of the old.
class statement_cache {
 public:
  struct entry {
    std::uint64_t id, number;
    std::uint32_t weight = 1;
  };
  explicit statement_cache(std::size_t capacity = 512) : capacity_(capacity) {}

  /// The number under which `id` is prepared, which is then the most recently used; 0: it is not.
  std::uint64_t touch(std::uint64_t id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return 0;
    if (found->second != order_.begin()) order_.splice(order_.begin(), order_, found->second);
    return found->second->number;
  }
  /// Whether one of this weight has no room before others go.
  bool full(std::uint32_t weight) const noexcept { return !order_.empty() && weight_ + weight > capacity_; }
  const entry& oldest() const { return order_.back(); }
  std::uint64_t new_number() noexcept { return ++last_number_; }
  /// \pre its id is not in it
  void insert(const entry& e) {
    order_.push_front(e);
    places_[e.id] = order_.begin();
    weight_ += e.weight;
  }
  /// True when it was there under this number.
  bool erase(const entry& e) {
    const auto found = places_.find(e.id);
    if (found == places_.end() || found->second->number != e.number) return false;
    weight_ -= found->second->weight;
    order_.erase(found->second);
    places_.erase(found);
    return true;
  }

 private:
  std::size_t capacity_, weight_ = 0;
  std::uint64_t last_number_ = 0;
  std::list<entry> order_;
  std::unordered_map<std::uint64_t, std::list<entry>::iterator> places_;
};

}  // namespace gridlight::postgres
