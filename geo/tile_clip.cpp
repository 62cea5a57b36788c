#include "geo/tile_clip.hpp"

#include <algorithm>

namespace gridlight::geo {
namespace {

// One side of the box: keeps what is not beyond `limit` on the axis; `sign` -1 for the lower limit.
void cut(std::span<const tile_position> ring, double tile_position::*axis, double tile_position::*other,
         double limit, double sign, std::vector<tile_position>& out) {
  out.clear();
  if (ring.empty()) return;
  tile_position a = ring.back();
  bool a_in = (a.*axis - limit) * sign <= 0;
  for (const tile_position b : ring) {
    const bool b_in = (b.*axis - limit) * sign <= 0;
    if (a_in != b_in) {
      tile_position at;
      at.*axis = limit;
      at.*other = a.*other + (b.*other - a.*other) * ((limit - a.*axis) / (b.*axis - a.*axis));
      out.push_back(at);
    }
    if (b_in) out.push_back(b);
    a = b;
    a_in = b_in;
  }
}

}  // namespace

// Liang and Barsky: the shares of the segment at which it enters and leaves.
bool clip_segment(tile_position& a, tile_position& b, const grid_box& box) noexcept {
  const double dx = b.x - a.x, dy = b.y - a.y;
  double enter = 0, leave = 1;
  const auto within = [&](double step, double room) {  // step * t <= room
    if (step == 0) return room > 0;
    const double t = room / step;
    if (step < 0)
      enter = std::max(enter, t);
    else
      leave = std::min(leave, t);
    return enter < leave;
  };
  if (!within(-dx, a.x - box.min_x) || !within(dx, box.max_x - a.x) || !within(-dy, a.y - box.min_y) ||
      !within(dy, box.max_y - a.y))
    return false;
  const tile_position from = a;
  const auto at = [&](double t) {
    return tile_position{std::clamp(from.x + dx * t, double(box.min_x), double(box.max_x)),
                         std::clamp(from.y + dy * t, double(box.min_y), double(box.max_y))};
  };
  if (enter > 0) a = at(enter);
  if (leave < 1) b = at(leave);
  return true;
}

void clip_ring(std::span<const tile_position> ring, const grid_box& box, std::vector<tile_position>& out,
               std::vector<tile_position>& spare) {
  cut(ring, &tile_position::x, &tile_position::y, box.min_x, -1, spare);
  cut(spare, &tile_position::x, &tile_position::y, box.max_x, 1, out);
  cut(out, &tile_position::y, &tile_position::x, box.min_y, -1, spare);
  cut(spare, &tile_position::y, &tile_position::x, box.max_y, 1, out);
}

}  // namespace gridlight::geo
