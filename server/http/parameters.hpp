#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/bbox.hpp"
#include "geo/lonlat.hpp"
#include "server/error.hpp"
#include "server/http/request.hpp"

namespace gridlight::http {

/// A closed range of numbers that a parameter may take, with its unit for the message ("metres", "degrees",
/// "").
struct range {
  double min, max;
  std::string_view unit = {};
};

/// Reads a request's query parameters; the first fault is kept, reading goes on with fallbacks. Usage:
///   parameters q{req};
///   const auto at = q.position();
///   const auto radius_m = q.number("radius_m", {0, 50'000, "metres"});
///   if (auto bad = q.fault()) co_return *bad;
/// fault() also refuses parameters that were never asked for, naming those that exist, and doubled ones.
/// Numbers: decimal, no sign '+' by decoding of '+', no hex, no inf or nan, no leading or trailing space.
class parameters {
 public:
  explicit parameters(const request& req) : request_(req) { known_.reserve(12); }

  double number(std::string_view name, range allowed);  ///< required
  double number_or(std::string_view name, double fallback, range allowed);
  std::optional<double> optional_number(std::string_view name, range allowed);
  std::int64_t integer_or(std::string_view name, std::int64_t fallback, std::int64_t min, std::int64_t max);
  std::optional<std::string_view> text(std::string_view name);
  geo::lonlat position();           ///< lon and lat, both required
  std::optional<geo::bbox> bbox();  ///< bbox=minx,miny,maxx,maxy or the four min_lon,…
  std::vector<std::string> list(
      std::string_view name);  ///< comma-separated; empty when absent; empty items are faults

  /// Records a fault of the caller's own finding (a property that does not exist), unless there is one
  /// already.
  void fail(std::string_view name, std::string detail);
  std::optional<failure> fault();

 private:
  const std::string* find(std::string_view name);
  bool bbox_texts(const std::string* joined, std::array<std::string_view, 4>& out);
  const request& request_;
  std::vector<std::string_view> known_;
  std::optional<failure> fault_;
};

}  // namespace gridlight::http
