#include "tests/support/tile_compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "geo/geometry.hpp"

namespace gridlight::test {
namespace {

using geo::grid_point;
using geo::shape_kind;

// Whether each vertex of `a` has one of `b` within a unit.
std::string lonely_vertex(const tile_feature& a, const tile_feature& b) {
  for (const auto& part : a.parts) {
    for (const grid_point p : part) {
      bool found = false;
      for (const auto& other : b.parts)
        for (const grid_point q : other)
          found |= std::abs(p.x - q.x) <= 1 && std::abs(p.y - q.y) <= 1;
      if (!found) return std::to_string(p.x) + " " + std::to_string(p.y);
    }
  }
  return "";
}

double perimeter(const tile_feature& f) {
  double sum = 0;
  for (const auto& part : f.parts)
    for (std::size_t i = 0; i < part.size(); ++i) {
      const grid_point p = part[i], q = part[(i + 1) % part.size()];
      sum += std::hypot(p.x - q.x, p.y - q.y);
    }
  return sum;
}

bool speck(const tile_feature& f, thin_tally& seen) {
  if (!is_speck(f)) return false;
  ++seen.polygons;
  ++seen.thin;
  return true;
}

std::string text_of(const tag_value& v) {
  if (const auto* s = std::get_if<std::string>(&v)) return '"' + *s + '"';
  if (const auto* d = std::get_if<double>(&v)) return "double " + std::to_string(*d);
  if (const auto* i = std::get_if<std::int64_t>(&v)) return std::to_string(*i);
  return std::get<bool>(v) ? "true" : "false";
}

}  // namespace

double area_of(const tile_feature& f) {
  std::int64_t sum = 0;
  for (const auto& part : f.parts)
    sum += doubled_area(part);
  return static_cast<double>(sum) / 2;
}
bool is_speck(const tile_feature& f) {
  return f.kind == shape_kind::polygon && area_of(f) <= std::max(4.0, perimeter(f) / 2);
}

std::string geometry_fault(const tile_feature& ours, const tile_feature& theirs, thin_tally& seen) {
  if (ours.kind == shape_kind::polygon)
    if (const auto invalid = geo::find_invalidity(polygons_of(ours)))
      return "is not valid: " + invalid->reason;
  if (ours.kind != theirs.kind) return "is of another kind";
  std::string alone = lonely_vertex(ours, theirs);
  if (alone.empty()) alone = lonely_vertex(theirs, ours);
  if (ours.kind == shape_kind::polygon) {
    const double other = std::abs(area_of(ours) - area_of(theirs));
    const double least = 1 + std::max(perimeter(ours), perimeter(theirs)) / 2;
    if (other > 4 && other > least)
      return "has another area: " + std::to_string(area_of(ours)) + ", not " +
             std::to_string(area_of(theirs));
    ++seen.polygons;
    seen.thin += !alone.empty() || other > least;
  } else if (!alone.empty()) {
    return "has a vertex alone: " + alone;
  }
  return "";
}

std::map<std::uint64_t, std::string> geometry_faults(const features_by_id& ours, const features_by_id& theirs,
                                                     thin_tally& seen) {
  std::map<std::uint64_t, std::string> out;
  for (const auto& [id, f] : ours) {
    const auto found = theirs.find(id);
    if (found == theirs.end()) {
      if (!speck(f, seen)) out[id] = "should not be there";
    } else if (auto what = geometry_fault(f, found->second, seen); !what.empty())
      out[id] = std::move(what);
  }
  for (const auto& [id, f] : theirs)
    if (ours.count(id) == 0 && !speck(f, seen)) out[id] = "is missing";
  return out;
}

std::string tag_fault(const tile_feature& ours, const tile_feature& theirs) {
  auto a = ours.tags, b = theirs.tags;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  if (a == b) return "";
  std::string out = "has tags";
  for (const auto& [name, value] : a)
    if (!std::binary_search(b.begin(), b.end(), std::pair{name, value}))
      out += " " + name + "=" + text_of(value);
  out += ", not";
  for (const auto& [name, value] : b)
    if (!std::binary_search(a.begin(), a.end(), std::pair{name, value}))
      out += " " + name + "=" + text_of(value);
  return out;
}

}  // namespace gridlight::test
