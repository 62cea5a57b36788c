#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include "geo/lonlat.hpp"
#include "geo/wkb.hpp"

namespace gridlight::geo::detail {

inline constexpr std::uint32_t ewkb_z = 0x80000000u, ewkb_m = 0x40000000u, ewkb_srid = 0x20000000u;
inline constexpr int max_wkb_depth = 32;

/// Positions that lie one after another in WKB. Z and M are stepped over.
class position_run {
 public:
  position_run(const std::byte* data, std::size_t size, std::size_t stride, bool swapped) noexcept
      : data_{data}, size_{size}, stride_{stride}, swapped_{swapped} {}

  std::size_t size() const noexcept { return size_; }
  lonlat operator[](std::size_t i) const noexcept {
    const std::byte* at = data_ + i * stride_;
    return {ordinate(at), ordinate(at + sizeof(double))};
  }

 private:
  double ordinate(const std::byte* at) const noexcept {
    std::uint64_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return std::bit_cast<double>(swapped_ ? __builtin_bswap64(bits) : bits);
  }

  const std::byte* data_;
  std::size_t size_, stride_;
  bool swapped_;
};

/// Twice the signed area, positive when counterclockwise; taken from the first corner, so that a small ring
/// far from the origin does not lose its sign to rounding.
inline double doubled_area(const position_run& ring) noexcept {
  if (ring.size() < 3) return 0;
  const lonlat origin = ring[0];
  double sum = 0, px = 0, py = 0;
  for (std::size_t i = 1; i < ring.size(); ++i) {
    const lonlat p = ring[i];
    const double x = p.lon - origin.lon, y = p.lat - origin.lat;
    sum += px * y - x * py;
    px = x;
    py = y;
  }
  return sum;
}

/// The one reader of WKB and EWKB; checking and writing are visitors of it:
///   static constexpr bool strict             whether lines and rings too short or open are errors
///   begin_geometry(type, depth), end_geometry(type)   the outermost (depth 0) and members of collections
///   begin_list(), end_list()                 a polygon's rings, a multi-geometry's members
///   point(lonlat), empty_point()             a Point or a member of a MultiPoint
///   line(position_run), ring(position_run, bool exterior)
/// Coordinates a visitor sees are finite. After an error it sees nothing more; begun lists stay open.
template <class Visitor>
class wkb_walker {
 public:
  wkb_walker(std::span<const std::byte> wkb, Visitor& visitor) noexcept
      : at_{wkb.data()}, end_{wkb.data() + wkb.size()}, visitor_{visitor} {}

  /// What is wrong, or an empty view.
  std::string_view walk() {
    if (geometry(0, nullptr) && at_ != end_) fail("bytes follow the geometry");
    return error_;
  }
  /// Of the outermost geometry; 0 when it names none.
  std::uint32_t srid() const noexcept { return srid_; }

 private:
  struct head {
    geometry_type type{};
    bool swapped = false, has_z = false, has_m = false;
    std::size_t stride() const noexcept { return sizeof(double) * (2u + has_z + has_m); }
  };

  bool fail(std::string_view sentence) noexcept {
    error_ = sentence;
    return false;
  }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  bool read_u32(std::uint32_t& value, bool swapped) noexcept {
    if (left() < sizeof value) return fail("the bytes end too soon");
    std::memcpy(&value, at_, sizeof value);
    if (swapped) value = __builtin_bswap32(value);
    at_ += sizeof value;
    return true;
  }

  bool read_head(head& h, std::uint32_t& srid) noexcept {
    if (left() < 1) return fail("the bytes end too soon");
    const auto order = std::to_integer<unsigned>(*at_++);
    if (order > 1) return fail("the byte order is neither 0 nor 1");
    h.swapped = (order == 1) != (std::endian::native == std::endian::little);
    std::uint32_t word = 0;
    if (!read_u32(word, h.swapped)) return false;
    if ((word & ewkb_srid) != 0 && !read_u32(srid, h.swapped)) return false;
    const std::uint32_t code = word & ~(ewkb_z | ewkb_m | ewkb_srid);
    const std::uint32_t iso = code / 1000, type = code % 1000;  // ISO: 1000 for Z, 2000 for M, 3000 for both
    if (iso > 3 || type < 1 || type > 7) return fail("the geometry type is none of the seven simple ones");
    h.type = static_cast<geometry_type>(type);
    h.has_z = (word & ewkb_z) != 0 || iso == 1 || iso == 3;
    h.has_m = (word & ewkb_m) != 0 || iso == 2 || iso == 3;
    return true;
  }

  bool read_member_head(head& h, const head& parent) noexcept {
    std::uint32_t ignored = 0;
    if (!read_head(h, ignored)) return false;
    if (h.has_z != parent.has_z || h.has_m != parent.has_m)
      return fail("a member has other dimensions than its whole");
    return true;
  }

  // A count is believed only when so many of the smallest members could still follow.
  bool read_count(std::uint32_t& count, const head& h, std::size_t smallest) noexcept {
    if (!read_u32(count, h.swapped)) return false;
    if (count > left() / smallest) return fail("a count is larger than the bytes that follow");
    return true;
  }

  bool read_run(const head& h, position_run& run) noexcept {
    std::uint32_t count = 0;
    if (!read_count(count, h, h.stride())) return false;
    run = position_run{at_, count, h.stride(), h.swapped};
    at_ += count * h.stride();
    bool finite = true;
    for (std::size_t i = 0; i < count; ++i) {
      const lonlat p = run[i];
      finite &= std::isfinite(p.lon) && std::isfinite(p.lat);
    }
    return finite || fail("a coordinate is not finite");
  }

  bool geometry(int depth, const head* parent) {
    if (depth > max_wkb_depth) return fail("collections are nested too deep");
    head h;
    if (parent == nullptr ? !read_head(h, srid_) : !read_member_head(h, *parent)) return false;
    visitor_.begin_geometry(h.type, depth);
    if (!(h.type == geometry_type::geometry_collection ? collection(h, depth) : coordinates(h))) return false;
    visitor_.end_geometry(h.type);
    return true;
  }

  bool collection(const head& h, int depth) {
    std::uint32_t count = 0;
    if (!read_count(count, h, 9)) return false;
    visitor_.begin_list();
    for (; count > 0; --count)
      if (!geometry(depth + 1, &h)) return false;
    visitor_.end_list();
    return true;
  }

  bool coordinates(const head& h) {
    switch (h.type) {
      case geometry_type::point:
        return point(h);
      case geometry_type::line_string:
        return line(h);
      case geometry_type::polygon:
        return polygon(h);
      case geometry_type::multi_point:
        return members(h, geometry_type::point);
      case geometry_type::multi_line_string:
        return members(h, geometry_type::line_string);
      case geometry_type::multi_polygon:
        return members(h, geometry_type::polygon);
      case geometry_type::geometry_collection:
        break;
    }
    return fail("the geometry type is none of the seven simple ones");
  }

  bool members(const head& h, geometry_type type) {
    std::uint32_t count = 0;
    if (!read_count(count, h, 9)) return false;
    visitor_.begin_list();
    for (; count > 0; --count) {
      head member;
      if (!read_member_head(member, h)) return false;
      if (member.type != type) return fail("a member is of another type than its multi-geometry holds");
      if (!coordinates(member)) return false;
    }
    visitor_.end_list();
    return true;
  }

  bool point(const head& h) {
    if (left() < h.stride()) return fail("the bytes end too soon");
    const lonlat p = position_run{at_, 1, h.stride(), h.swapped}[0];
    at_ += h.stride();
    if (std::isnan(p.lon) && std::isnan(p.lat)) {
      visitor_.empty_point();
      return true;
    }
    if (!std::isfinite(p.lon) || !std::isfinite(p.lat)) return fail("a coordinate is not finite");
    visitor_.point(p);
    return true;
  }

  bool line(const head& h) {
    position_run run{at_, 0, 0, false};
    if (!read_run(h, run)) return false;
    if (Visitor::strict && run.size() == 1) return fail("a line has only one position");
    visitor_.line(run);
    return true;
  }

  bool polygon(const head& h) {
    std::uint32_t rings = 0;
    if (!read_count(rings, h, sizeof(std::uint32_t))) return false;
    visitor_.begin_list();
    for (std::uint32_t i = 0; i < rings; ++i) {
      position_run run{at_, 0, 0, false};
      if (!read_run(h, run)) return false;
      if (Visitor::strict && run.size() < 4) return fail("a ring has fewer than four positions");
      if (Visitor::strict && run[0] != run[run.size() - 1]) return fail("a ring is not closed");
      visitor_.ring(run, i == 0);
    }
    visitor_.end_list();
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
  Visitor& visitor_;
  std::uint32_t srid_ = 0;
  std::string_view error_;
};

}  // namespace gridlight::geo::detail
