#include "geo/decimal.hpp"
#include "geo/text_sink.hpp"
#include "geo/wkb.hpp"
#include "geo/wkb_walk.hpp"

namespace gridlight::geo {
namespace {

class geojson_writer {
 public:
  static constexpr bool strict = false;
  geojson_writer(text_sink& out, int decimals) noexcept : out_{out}, decimals_{decimals} {}

  void begin_geometry(geometry_type type, int depth) {
    if (depth > 0) separate();
    out_.append(R"({"type":")");
    out_.append(name_of(type));
    out_.append(type == geometry_type::geometry_collection ? R"(","geometries":)" : R"(","coordinates":)");
  }
  void end_geometry(geometry_type) { out_.append('}'); }

  void begin_list() {
    separate();
    out_.append('[');
  }
  void end_list() { out_.append(']'); }

  void point(lonlat p) {
    separate();
    out_.commit(position(out_.room(position_room), p));
  }
  // RFC 7946 knows no empty position, so one can be an empty Point but no member of a list.
  void empty_point() {
    if (out_.back() == ':') out_.append("[]");
  }

  void line(const detail::position_run& run) { positions(run, false); }
  void ring(const detail::position_run& run, bool exterior) {
    const double area = detail::doubled_area(run);
    positions(run, exterior ? area < 0 : area > 0);
  }

 private:
  // Inside a list whatever follows a finished element needs a comma; after '[' and ':' nothing does.
  void separate() {
    if (out_.back() == ']' || out_.back() == '}') out_.append(',');
  }

  void positions(const detail::position_run& run, bool reversed) {
    separate();
    out_.append('[');
    const std::size_t size = run.size();
    for (std::size_t i = 0; i < size; ++i) {
      char* at = position(out_.room(position_room), run[reversed ? size - 1 - i : i]);
      if (i + 1 < size) *at++ = ',';
      out_.commit(at);
    }
    out_.append(']');
  }

  static constexpr std::size_t position_room = 2 * max_decimal_chars + 4;
  char* position(char* at, lonlat p) const {
    *at++ = '[';
    at = write_decimal(at, p.lon, decimals_);
    *at++ = ',';
    at = write_decimal(at, p.lat, decimals_);
    *at++ = ']';
    return at;
  }

  text_sink& out_;
  int decimals_;
};

}  // namespace

char* write_point(char* at, std::span<const std::byte> wkb, int decimals) noexcept {
  constexpr std::size_t header = 9, size = header + 2 * sizeof(double);
  constexpr unsigned char expected[5] = {1, 1, 0, 0, 0x20};
  if (wkb.size() != size || std::memcmp(wkb.data(), expected, sizeof expected) != 0 ||
      std::endian::native != std::endian::little)
    return nullptr;
  double x, y;
  std::memcpy(&x, wkb.data() + header, sizeof x);
  std::memcpy(&y, wkb.data() + header + sizeof x, sizeof y);
  if (!std::isfinite(x) || !std::isfinite(y)) return nullptr;
  at = text_sink::copy(at, R"({"type":"Point","coordinates":[)");
  at = write_decimal(at, x, decimals);
  *at++ = ',';
  at = write_decimal(at, y, decimals);
  return text_sink::copy(at, "]}");
}

bool append_geojson(text_sink& out, std::span<const std::byte> wkb, int decimals) {
  if (char* const end = write_point(out.room(point_room), wkb, decimals); end != nullptr) {
    out.commit(end);
    return true;
  }
  const std::size_t before = out.size();
  geojson_writer writer{out, decimals};
  if (detail::wkb_walker{wkb, writer}.walk().empty()) return true;
  out.truncate(before);
  return false;
}

bool append_geojson(std::string& out, std::span<const std::byte> wkb, int decimals) {
  text_sink sink{out};
  return append_geojson(sink, wkb, decimals);
}

}  // namespace gridlight::geo
