#include <cmath>
#include <utility>

#include "geo/geos_handle.hpp"
#include "geo/tile_grid.hpp"

namespace gridlight::geo {
namespace {

using geometry = handle<GEOSGeometry>;

// Takes polygons to GEOS and back.
class geos_polygons {
 public:
  explicit geos_polygons(GEOSContextHandle_t context) : context_{context} {}

  geometry made_of(const grid_shape& shape) {
    std::vector<GEOSGeometry*> polygons, holes;
    geometry exterior = none();
    const auto close = [&] {
      if (exterior)
        polygons.push_back(GEOSGeom_createPolygon_r(context_, exterior.release(), holes.data(),
                                                    static_cast<unsigned>(holes.size())));
      holes.clear();
    };
    for (std::size_t i = 0; i < shape.parts.size(); ++i) {
      geometry made = ring(shape.part_points(i));
      if (shape.parts[i].exterior) {
        close();
        exterior = std::move(made);
      } else if (made) {
        holes.push_back(made.release());
      }
    }
    close();
    std::erase(polygons, nullptr);
    return {GEOSGeom_createCollection_r(context_, GEOS_MULTIPOLYGON, polygons.data(),
                                        static_cast<unsigned>(polygons.size())),
            {context_}};
  }

  // The polygons among what GEOS made; false when some coordinate is not whole.
  bool take(const GEOSGeometry* from, grid_shape& to) {
    if (GEOSGeomTypeId_r(context_, from) == GEOS_POLYGON) {
      if (GEOSisEmpty_r(context_, from) != 0) return true;
      bool whole = take_ring(GEOSGetExteriorRing_r(context_, from), true, to);
      for (int i = 0, n = GEOSGetNumInteriorRings_r(context_, from); i < n; ++i)
        whole &= take_ring(GEOSGetInteriorRingN_r(context_, from, i), false, to);
      return whole;
    }
    if (GEOSGeomTypeId_r(context_, from) < GEOS_MULTIPOINT) return true;
    bool whole = true;
    for (int i = 0, n = GEOSGetNumGeometries_r(context_, from); i < n; ++i)
      whole &= take(GEOSGetGeometryN_r(context_, from, i), to);
    return whole;
  }

 private:
  geometry none() const { return {nullptr, {context_}}; }

  geometry ring(std::span<const grid_point> points) {
    flat_.clear();
    for (std::size_t i = 0; i <= points.size(); ++i) {
      const grid_point p = points[i == points.size() ? 0 : i];
      flat_.push_back(p.x);
      flat_.push_back(p.y);
    }
    GEOSCoordSequence* const sequence =
        GEOSCoordSeq_copyFromBuffer_r(context_, flat_.data(), static_cast<unsigned>(points.size() + 1), 0, 0);
    return {sequence == nullptr ? nullptr : GEOSGeom_createLinearRing_r(context_, sequence), {context_}};
  }

  bool take_ring(const GEOSGeometry* from, bool exterior, grid_shape& to) {
    const GEOSCoordSequence* const sequence = GEOSGeom_getCoordSeq_r(context_, from);
    unsigned size = 0;
    if (sequence == nullptr || GEOSCoordSeq_getSize_r(context_, sequence, &size) != 1 || size < 4)
      return false;
    bool whole = true;
    for (unsigned i = 0; i + 1 < size; ++i) {
      double x = 0, y = 0;
      GEOSCoordSeq_getXY_r(context_, sequence, i, &x, &y);
      whole &= x == std::nearbyint(x) && y == std::nearbyint(y);
      to.points.push_back({static_cast<std::int32_t>(x), static_cast<std::int32_t>(y)});
    }
    to.parts.push_back({static_cast<std::uint32_t>(to.points.size()), exterior});
    return whole;
  }

  GEOSContextHandle_t context_;
  std::vector<double> flat_;
};

// By structure: a hole that shares an edge with its exterior, as both do where they were cut off, stays a
// hole.
geometry made_valid(GEOSContextHandle_t context, const GEOSGeometry* g) {
  GEOSMakeValidParams* const how = GEOSMakeValidParams_create_r(context);
  if (how == nullptr) return {nullptr, {context}};
  GEOSMakeValidParams_setMethod_r(context, how, GEOS_MAKE_VALID_STRUCTURE);
  geometry out{GEOSMakeValidWithParams_r(context, g, how), {context}};
  GEOSMakeValidParams_destroy_r(context, how);
  return out;
}

}  // namespace

void repair(grid_shape& polygons) {
  const auto context = geos_context::of_this_thread().handle();
  geos_polygons geos{context};
  geometry all = geos.made_of(polygons);
  if (all && GEOSisValid_r(context, all.get()) == 1) return;
  if (all) all = made_valid(context, all.get());
  grid_shape out{polygons.kind, {}, {}};
  // Where edges crossed there are corners now that are not whole. On a grid of ones GEOS noding keeps all
  // valid.
  if (all && !geos.take(all.get(), out)) {
    out.clear();
    all.reset(GEOSGeom_setPrecision_r(context, all.get(), 1, 0));
    if (all && (GEOSisValid_r(context, all.get()) != 1 || !geos.take(all.get(), out))) out.clear();
  }
  polygons = std::move(out);
}

}  // namespace gridlight::geo
