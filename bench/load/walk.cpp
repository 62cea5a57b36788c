#include "bench/load/walk.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gridlight::bench {
namespace {

std::uint64_t key_of(const geo::tile& t) {
  return static_cast<std::uint64_t>(t.z) << 58 | static_cast<std::uint64_t>(t.x) << 29 |
         static_cast<std::uint64_t>(t.y);
}

double between(double low, double high, std::mt19937_64& random) {
  return std::uniform_real_distribution{low, high}(random);
}

}  // namespace

popularity::popularity(std::size_t ranks, double exponent) {
  double sum = 0;
  for (std::size_t r = 0; r < ranks; ++r)
    sums_.push_back(sum += std::pow(static_cast<double>(r + 1), -exponent));
}

std::size_t popularity::draw(std::mt19937_64& random) const {
  const double at = between(0, sums_.back(), random);
  const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
  return std::min(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
}

viewer::viewer(const map_users& m, const places& from, const popularity& ranks, std::mt19937_64& random)
    : settings_(&m), places_(&from), ranks_(&ranks) {
  jump(random);
}

// To another place, at a zoom at which one begins to look.
void viewer::jump(std::mt19937_64& random) {
  center_ = places_->ranked(ranks_->draw(random));
  zoom_ = std::uniform_int_distribution{settings_->min_zoom,
                                        (settings_->min_zoom + settings_->max_zoom) / 2}(random);
  heading_ = between(0, 2 * std::numbers::pi, random);
}

std::vector<geo::tile> viewer::begin() {
  started_ = true;
  return missing();
}

// Six of ten moves pan, a quarter zooms in, a tenth out, the rest goes elsewhere.
std::vector<geo::tile> viewer::move(std::mt19937_64& random) {
  const double what = between(0, 1, random);
  if (what < 0.6) {
    heading_ += between(-0.8, 0.8, random);
    const geo::bbox one = geo::envelope(geo::tile_at(center_, zoom_));
    const double screens = between(0.2, 0.9, random);
    center_.lon += std::cos(heading_) * screens * settings_->wide * (one.max_lon - one.min_lon);
    center_.lat += std::sin(heading_) * screens * settings_->high * (one.max_lat - one.min_lat);
    center_.lon = std::remainder(center_.lon, 360.0);
    center_.lat = std::clamp(center_.lat, -geo::max_tile_lat, geo::max_tile_lat);
  } else if (what < 0.85) {
    zoom_ = std::min(zoom_ + 1, settings_->max_zoom);
  } else if (what < 0.95) {
    zoom_ = std::max(zoom_ - 1, settings_->min_zoom);
  } else {
    jump(random);
  }
  return missing();
}

bool viewer::keep(const geo::tile& t) {
  const std::uint64_t key = key_of(t);
  if (const auto known = held_.find(key); known != held_.end()) {
    order_.splice(order_.begin(), order_, known->second);
    return false;
  }
  if (settings_->held == 0) return true;
  order_.push_front(key);
  held_[key] = order_.begin();
  if (held_.size() > settings_->held) {
    held_.erase(order_.back());
    order_.pop_back();
  }
  return true;
}

std::vector<geo::tile> viewer::missing() {
  const geo::tile middle = geo::tile_at(center_, zoom_);
  const std::int64_t n = std::int64_t{1} << zoom_;
  std::vector<geo::tile> out;
  for (std::int64_t dy = 0; dy < settings_->high; ++dy)
    for (std::int64_t dx = 0; dx < settings_->wide; ++dx) {
      geo::tile t{zoom_, middle.x + dx - settings_->wide / 2, middle.y + dy - settings_->high / 2};
      if (t.y < 0 || t.y >= n) continue;
      t.x = (t.x % n + n) % n;
      if (keep(t)) out.push_back(t);
    }
  return out;
}

}  // namespace gridlight::bench
