#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "geo/bbox.hpp"
#include "geo/lonlat.hpp"

namespace gridlight::api {

/// Where the features of a layer are: within `radius` (radians on the sphere of longitude and latitude) of a
/// place.
struct disc {
  geo::lonlat centre;
  double radius;
};
inline constexpr double whole_sphere = 3.1415926535897932;

disc disc_of(const geo::bbox& bounds);
double angle_between(geo::lonlat a, geo::lonlat b);

/// Boxes, as WKT of geographies, that anything reaches into which is not well within `d`; none when `d` is
/// all.
std::vector<std::string> outside_of(const disc& d);

/// A piece of the earth: what is no farther than reach_m from a place, on the sphere of the spatial index.
struct patch {
  geo::lonlat at;
  double reach_m;
};

/// What the database says of a patch.
struct patch_contents {
  double distance_m;  ///< from the question's place to the patch's centre, on the ellipsoid
  std::int64_t
      rows;  ///< that may touch it, at most far_search::most_counted; -1: beyond the horizon, not counted
};

/// The nearest features to a place far from all of them. There the index's order says nothing: it knows
/// distances as chords through the earth. So the layer's disc is divided again and again where it may hold
/// one of the `wanted` nearest, by counts that the index gives at once, until few rows are left to be
/// measured. That the rows found are the nearest follows from the last query alone: a row within horizon_m()
/// of the question has a point in one of answer_patches(), unless it came into a patch that was found empty
/// (then the layer's version has changed) or is outside of the disc (see outside_of).
class far_search {
 public:
  static constexpr std::int64_t most_counted = 32;

  far_search(const disc& where, std::int64_t wanted, std::optional<double> bound_m);

  /// What to count next, each answered by learn(); none: it is time to measure.
  std::vector<patch> next();
  void learn(std::span<const patch_contents> contents);

  /// No row that is farther matters; more than half of the earth's girth when nothing is known.
  double horizon_m() const noexcept { return horizon_m_; }
  std::vector<patch> answer_patches() const;
  bool sees_all() const noexcept { return horizon_m_ >= bound_m_; }  ///< nothing matters behind the horizon
  /// Only `within` rows in answer_patches() were within the horizon; of all rows there the wanted one is
  /// wanted_m away, if there are so many. next() is asked again, with a better horizon.
  void widen(std::int64_t within, std::optional<double> wanted_m);
  bool gave_up() const noexcept { return gave_up_; }

 private:
  struct cell {
    double u, v, half;  // a square in the plane that touches the sphere at the disc's centre, distances from
                        // there kept
    double distance_m;
    std::int64_t rows;
    bool whole = false;  // what it holds is as large as the cell: parts would hold the same
    double reach_m() const noexcept;
    double nearest_m() const noexcept;
    double farthest_m() const noexcept { return distance_m + reach_m(); }
  };
  geo::lonlat place(const cell& c) const;
  void set_horizon();

  std::array<double, 3> centre_, east_, north_;
  double bound_m_;  // that the question sets, or that wanted rows are known to be within
  double horizon_m_;
  std::int64_t wanted_, needed_;
  int rounds_ = 0;
  int measured_ = 0;
  bool trust_bound_ = false, gave_up_ = false;
  std::vector<cell> cells_, asked_;
  std::vector<std::pair<std::size_t, std::int64_t>>
      divided_;  // of each cell: how many parts are asked, what it held

  friend class survey;
};

/// Finds the disc of a layer whose bounds nobody has stated.
class survey {
 public:
  survey();
  std::vector<patch> next();
  void learn(std::span<const patch_contents> contents) { search_.learn(contents); }
  std::optional<disc> found() const;  ///< nothing: there are no rows

 private:
  far_search search_;
};

}  // namespace gridlight::api
