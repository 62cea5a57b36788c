#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "bench/load/connection.hpp"
#include "geo/bbox.hpp"
#include "geo/lonlat.hpp"

namespace gridlight::bench {

/// Where random points come from: round the assets of a server's layers, or evenly from an area.
class places {
 public:
  /// Asks the server for the positions of the layers' features, page by page, and keeps `most` of them.
  /// \throws usage_error  when a layer cannot be read or has no point
  static places of_layers(const target& at, boost::asio::ssl::context* tls, const std::string& extra_head,
                          const std::vector<std::string>& layers, std::size_t most, double spread_m,
                          std::uint64_t seed);
  static places in_area(const geo::bbox& area);

  geo::lonlat draw(std::mt19937_64& random) const;
  std::size_t count() const noexcept { return points_.size(); }  ///< 0: an area
  /// A place of its own for each rank, the same in every run with the same seed; for Zipf's law.
  geo::lonlat ranked(std::size_t rank) const;

 private:
  std::vector<geo::lonlat> points_;
  geo::bbox area_;
  double spread_m_ = 0;
};

}  // namespace gridlight::bench
