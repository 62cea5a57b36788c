#pragma once

#include <list>
#include <random>
#include <unordered_map>
#include <vector>

#include "bench/load/scenario.hpp"

namespace gridlight::bench {

/// Zipf's law over ranks 0…n-1: rank r is drawn with a weight of 1 / (r + 1)^exponent.
class popularity {
 public:
  popularity(std::size_t ranks, double exponent);
  std::size_t draw(std::mt19937_64& random) const;

 private:
  std::vector<double> sums_;
};

/// A person at a map: a view of so many tiles that is panned, zoomed and now and then moved to another place,
/// and a browser that keeps the tiles it has seen last.
class viewer {
 public:
  /// Begins over a place drawn by its popularity. \param m, from, ranks  must outlive this
  viewer(const map_users& m, const places& from, const popularity& ranks, std::mt19937_64& random);

  bool started() const noexcept { return started_; }
  std::vector<geo::tile> begin();                        ///< the tiles in view
  std::vector<geo::tile> move(std::mt19937_64& random);  ///< those in view that are not held

 private:
  std::vector<geo::tile> missing();
  bool keep(const geo::tile& t);
  void jump(std::mt19937_64& random);

  const map_users* settings_;
  const places* places_;
  const popularity* ranks_;
  geo::lonlat center_;
  int zoom_ = 0;
  double heading_ = 0;  // radians; people mostly go on where they went
  bool started_ = false;
  std::list<std::uint64_t> order_;  // the held tiles, the one seen last first
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> held_;
};

}  // namespace gridlight::bench
