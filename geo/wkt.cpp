#include "geo/wkt.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "geo/geos_handle.hpp"
#include "geo/wkb.hpp"

namespace gridlight::geo {
namespace {

// Takes "SRID=4326;" off the front; 4326 when there is none, 0 when it is malformed.
int take_srid(std::string_view& wkt) {
  constexpr std::string_view name = "SRID=";
  const auto same = [](char a, char b) { return (a & ~0x20) == (b & ~0x20); };  // letters of either case
  if (wkt.size() < name.size() || !std::equal(name.begin(), name.end(), wkt.begin(), same)) return 4326;
  const std::size_t end = wkt.find(';', name.size());
  if (end == wkt.npos) return 0;
  int srid = 0;
  const auto [stop, error] = std::from_chars(wkt.data() + name.size(), wkt.data() + end, srid);
  if (error != std::errc{} || stop != wkt.data() + end || srid < 0) return 0;
  wkt.remove_prefix(end + 1);
  return srid;
}

// What GEOS does not look at, or would only find by recursing as deep as the text says: what is wrong with
// it, or an empty view. Whether the text is a geometry is left to GEOS.
std::string_view fault_in(std::string_view wkt) noexcept {
  // As many collections as WKB may nest, and the three levels of a MultiPolygon.
  constexpr int deepest = 32 + 3;
  int depth = 0;
  bool ended = false;
  for (const char c : wkt) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (!space && !letter && !digit && std::string_view{"(),.+-"}.find(c) == std::string_view::npos)
      return "a character that WKT does not know";
    if (ended && !space) return "text follows the geometry";
    if (c == '(' && ++depth > deepest) return "the parentheses are nested too deep";
    if (c == ')' && --depth <= 0) ended = true;
  }
  return {};
}

}  // namespace

parsed_geometry geometry_from_wkt(std::string_view wkt) {
  parsed_geometry out;
  const int srid = take_srid(wkt);
  if (srid == 0) {
    out.error = "SRID= is not followed by a number and a semicolon";
    return out;
  }
  if (const auto fault = fault_in(wkt); !fault.empty()) {
    out.error = fault;
    return out;
  }
  geos_context& geos = geos_context::of_this_thread();
  const auto context = geos.handle();
  const handle<GEOSWKTReader> reader{GEOSWKTReader_create_r(context), {context}};
  const handle<GEOSGeometry> geometry{GEOSWKTReader_read_r(context, reader.get(), std::string{wkt}.c_str()),
                                      {context}};
  if (!geometry) {
    out.error = geos.complaint().empty() ? "not WKT" : geos.complaint();
    return out;
  }
  GEOSSetSRID_r(context, geometry.get(), srid);
  const handle<GEOSWKBWriter> writer{GEOSWKBWriter_create_r(context), {context}};
  GEOSWKBWriter_setOutputDimension_r(context, writer.get(), 2);
  GEOSWKBWriter_setByteOrder_r(context, writer.get(), GEOS_WKB_NDR);
  GEOSWKBWriter_setFlavor_r(context, writer.get(), GEOS_WKB_EXTENDED);
  GEOSWKBWriter_setIncludeSRID_r(context, writer.get(), 1);
  std::size_t size = 0;
  const handle<unsigned char> bytes{GEOSWKBWriter_write_r(context, writer.get(), geometry.get(), &size),
                                    {context}};
  if (!bytes) {
    out.error = geos.complaint();
    return out;
  }
  out.ewkb.resize(size);
  std::memcpy(out.ewkb.data(), bytes.get(), size);
  // GEOS lets rings of three positions and NaN through.
  const wkb_summary found = inspect_wkb(out.ewkb);
  out.vertices = found.vertices;
  out.error = found.error;
  if (!out.error.empty()) out.ewkb.clear();
  return out;
}

}  // namespace gridlight::geo
