#include "geo/decimal.hpp"
#include "geo/wkb.hpp"
#include "geo/wkb_walk.hpp"

namespace gridlight::geo {
namespace {

// Twice the signed area, positive when counterclockwise; taken from the first corner, so that a small ring
// far from the origin does not lose its sign to rounding.
double doubled_area(const detail::position_run& ring) noexcept {
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

class geojson_writer {
 public:
  static constexpr bool strict = false;
  geojson_writer(std::string& out, int decimals) noexcept : out_{out}, decimals_{decimals} {}

  void begin_geometry(geometry_type type, int depth) {
    if (depth > 0) separate();
    out_ += R"({"type":")";
    out_ += name_of(type);
    out_ += type == geometry_type::geometry_collection ? R"(","geometries":)" : R"(","coordinates":)";
  }
  void end_geometry(geometry_type) { out_ += '}'; }

  void begin_list() {
    separate();
    out_ += '[';
  }
  void end_list() { out_ += ']'; }

  void point(lonlat p) {
    separate();
    position(p, "");
  }
  // RFC 7946 knows no empty position, so one can be an empty Point but no member of a list.
  void empty_point() {
    if (out_.back() == ':') out_ += "[]";
  }

  void line(const detail::position_run& run) { positions(run, false); }
  void ring(const detail::position_run& run, bool exterior) {
    const double area = doubled_area(run);
    positions(run, exterior ? area < 0 : area > 0);
  }

 private:
  // Inside a list whatever follows a finished element needs a comma; after '[' and ':' nothing does.
  void separate() {
    if (out_.back() == ']' || out_.back() == '}') out_ += ',';
  }

  void positions(const detail::position_run& run, bool reversed) {
    separate();
    out_ += '[';
    const std::size_t last = run.size() - 1;
    for (std::size_t i = 0; i < run.size(); ++i)
      position(run[reversed ? last - i : i], i < last ? "," : "");
    out_ += ']';
  }

  // One append a position: the digits are made on the stack.
  void position(lonlat p, std::string_view after) {
    char buffer[2 * max_decimal_chars + 4];
    char* at = buffer;
    *at++ = '[';
    at = write_decimal(at, p.lon, decimals_);
    *at++ = ',';
    at = write_decimal(at, p.lat, decimals_);
    *at++ = ']';
    for (const char c : after)
      *at++ = c;
    out_.append(buffer, static_cast<std::size_t>(at - buffer));
  }

  std::string& out_;
  int decimals_;
};

}  // namespace

bool append_geojson(std::string& out, std::span<const std::byte> wkb, int decimals) {
  const std::size_t before = out.size();
  geojson_writer writer{out, decimals};
  if (detail::wkb_walker{wkb, writer}.walk().empty()) return true;
  out.resize(before);
  return false;
}

}  // namespace gridlight::geo
