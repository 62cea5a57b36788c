#pragma once

#include <cstdint>
#include <vector>

namespace gridlight::sync::demo {

/// Metres. In the plan of the city (streets run along its axes), or an offset on the ground (east, north).
struct vec {
  double x = 0, y = 0;
};
inline vec operator+(vec a, vec b) {
  return {a.x + b.x, a.y + b.y};
}
inline vec operator-(vec a, vec b) {
  return {a.x - b.x, a.y - b.y};
}
inline vec operator*(vec a, double k) {
  return {a.x * k, a.y * k};
}
double length(vec v) noexcept;
vec unit(vec v) noexcept;  ///< \pre not zero
inline vec left_of(vec v) {
  return {-v.y, v.x};
}  ///< turned by +90°
inline double dot(vec a, vec b) {
  return a.x * b.x + a.y * b.y;
}

/// Degrees times 10^7: what is stored has 7 decimals, so nothing depends on the last bit of a computation.
struct position {
  std::int32_t lon_e7 = 0, lat_e7 = 0;
  double longitude() const noexcept { return lon_e7 / 1e7; }
  double latitude() const noexcept { return lat_e7 / 1e7; }
  friend bool operator==(position, position) = default;
};

/// Where a point of the plan lies on the ground: the core of Houston is the origin, and streets are bent a
/// little.
position to_ground(vec plan) noexcept;

/// Offsets on the ground near a place; true to 0.1 % over a few kilometres (WGS 84).
position moved(position from, vec metres) noexcept;
vec offset(position from, position to) noexcept;
inline double distance(position a, position b) noexcept {
  return length(offset(a, b));
}
position between(position a, position b, double t) noexcept;

double path_length(const std::vector<position>& path) noexcept;
double area_m2(const std::vector<position>& ring) noexcept;  ///< of a simple ring, not closed

/// `points` with further ones between, so that no piece is longer than `step` metres: bent streets need them.
std::vector<vec> subdivided(const std::vector<vec>& points, double step);

struct rect {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double width() const noexcept { return x1 - x0; }
  double height() const noexcept { return y1 - y0; }
  vec centre() const noexcept { return {(x0 + x1) / 2, (y0 + y1) / 2}; }
};

}  // namespace gridlight::sync::demo
