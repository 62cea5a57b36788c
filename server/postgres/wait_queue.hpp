#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "server/deadline.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight::postgres {

/// Those that wait in one lane: priority before ordinary, else in the order in which they came. Those that
/// want a connection alone stand apart, so that they can be passed by while they may not have one.
class wait_queue {
 public:
  struct entry {
    void* who;
    steady::time_point until, give_up;  ///< give_up counts only while nothing is up
    share how;
    urgency rank;
    std::uint64_t number = 0;
  };

  void push(entry e) {
    e.number = ++last_;
    line(e.rank, e.how).push_back(e);
    ++size_;
  }
  bool erase(const void* who) {
    return erase_if([who](const entry& e) { return e.who == who; }) > 0;
  }
  template <class Predicate>
  std::size_t erase_if(Predicate leaves) {
    std::size_t gone = 0;
    for (auto& each : lines_)
      gone += std::erase_if(each, leaves);
    size_ -= gone;
    return gone;
  }
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& each : lines_)
      std::for_each(each.begin(), each.end(), visit);
  }

  /// Whose turn it is; null: nobody's. \param alone_too  ordinary ones may have a connection alone
  const entry* first(bool alone_too) const {
    for (const urgency rank : {urgency::priority, urgency::ordinary}) {
      const auto &alone = line(rank, share::no), &shared = line(rank, share::yes);
      const bool may = !alone.empty() && (alone_too || rank == urgency::priority);
      if (may && (shared.empty() || alone.front().number < shared.front().number)) return &alone.front();
      if (!shared.empty()) return &shared.front();
    }
    return nullptr;
  }
  void pop(const entry& e) {  ///< one that first() gave
    line(e.rank, e.how).pop_front();
    --size_;
  }

  std::size_t size() const noexcept { return size_; }
  std::size_t ordinary() const noexcept {
    return line(urgency::ordinary, share::no).size() + line(urgency::ordinary, share::yes).size();
  }

 private:
  using entries = std::deque<entry>;
  static std::size_t place(urgency rank, share how) noexcept {
    return (rank == urgency::priority ? 0 : 2) + (how == share::yes ? 1U : 0U);
  }
  entries& line(urgency rank, share how) noexcept { return lines_[place(rank, how)]; }
  const entries& line(urgency rank, share how) const noexcept { return lines_[place(rank, how)]; }

  std::array<entries, 4> lines_;
  std::uint64_t last_ = 0;
  std::size_t size_ = 0;
};

}  // namespace gridlight::postgres
