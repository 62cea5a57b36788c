#include "geo/geometry.hpp"

#include <string_view>

#include "geo/geos_handle.hpp"

namespace gridlight::geo {
namespace {

lonlat position_of(GEOSContextHandle_t context, const GEOSGeometry* point) {
  lonlat at;
  if (point == nullptr || GEOSGeomGetX_r(context, point, &at.lon) != 1 ||
      GEOSGeomGetY_r(context, point, &at.lat) != 1)
    return {};
  return at;
}

}  // namespace

std::optional<invalidity> find_invalidity(std::span<const std::byte> wkb) {
  geos_context& geos = geos_context::of_this_thread();
  const auto context = geos.handle();
  const handle<GEOSWKBReader> reader{GEOSWKBReader_create_r(context), {context}};
  const handle<GEOSGeometry> geometry{
      GEOSWKBReader_read_r(context, reader.get(), reinterpret_cast<const unsigned char*>(wkb.data()),
                           wkb.size()),
      {context}};
  if (!geometry) return invalidity{geos.complaint(), {}};

  char* reason = nullptr;
  GEOSGeometry* place = nullptr;
  const char valid = GEOSisValidDetail_r(context, geometry.get(), 0, &reason, &place);
  const handle<char> reason_owner{reason, {context}};
  const handle<GEOSGeometry> place_owner{place, {context}};
  if (valid == 1) return std::nullopt;
  if (valid != 0) return invalidity{geos.complaint(), {}};
  return invalidity{reason != nullptr ? reason : "not valid", position_of(context, place)};
}

}  // namespace gridlight::geo
