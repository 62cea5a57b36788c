#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "geo/bbox.hpp"

namespace gridlight::bench {

/// A path with places for random values: {lon} and {lat} of a point drawn evenly from an area, {bbox:W} a box
/// W degrees wide and high round that point.
class question {
 public:
  /// \throws std::invalid_argument naming a place that is none of these
  question(std::string_view path_template, geo::bbox area);
  void append(std::string& out, std::mt19937_64& random) const;

 private:
  enum class kind { literal, lon, lat, bbox };
  struct part {
    kind what;
    std::string text;
    double width = 0;
  };
  std::vector<part> parts_;
  geo::bbox area_;
};

}  // namespace gridlight::bench
