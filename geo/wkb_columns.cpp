#include "geo/wkb_columns.hpp"

#include <algorithm>
#include <charconv>

#include "geo/decimal.hpp"
#include "geo/wkb.hpp"
#include "geo/wkb_walk.hpp"

namespace gridlight::geo {
namespace {

constexpr std::size_t integer_room = 24;

void append_integer(text_sink& out, std::size_t value) {
  char* const at = out.room(integer_room);
  out.commit(std::to_chars(at, at + integer_room, value).ptr);
}

void append_type(text_sink& out, std::uint8_t type) {
  if (type == 0) return out.append("null");
  out.append('"');
  out.append(name_of(static_cast<geometry_type>(type)));
  out.append('"');
}

}  // namespace

// Takes one geometry apart; of a collection only that it is one.
class geometry_columns::visitor {
 public:
  static constexpr bool strict = false;
  explicit visitor(geometry_columns& to) noexcept : to_{to} {}

  geometry_type type{};

  void begin_geometry(geometry_type t, int depth) {
    if (depth > 0) return;
    type = t;
    if (t == geometry_type::point || t == geometry_type::multi_point) to_.begin_run();
  }
  void end_geometry(geometry_type) {}
  // A polygon begins a list for itself, a MultiPolygon one for its members and one a member.
  void begin_list() {
    const int polygon_depth = type == geometry_type::polygon ? 0 : 1;
    if ((type == geometry_type::polygon || type == geometry_type::multi_polygon) && depth_ == polygon_depth)
      to_.begin_part();
    ++depth_;
  }
  void end_list() { --depth_; }

  void point(lonlat p) {
    if (type != geometry_type::geometry_collection) position(p);
  }
  void empty_point() {}
  void line(const detail::position_run& run) {
    if (type == geometry_type::geometry_collection) return;
    to_.begin_run();
    positions(run, false);
  }
  void ring(const detail::position_run& run, bool exterior) {
    if (type == geometry_type::geometry_collection) return;
    to_.ring_starts_.push_back(to_.vertices_);
    const double area = detail::doubled_area(run);
    positions(run, exterior ? area < 0 : area > 0);
  }

 private:
  void positions(const detail::position_run& run, bool reversed) {
    const std::size_t size = run.size();
    for (std::size_t i = 0; i < size; ++i)
      position(run[reversed ? size - 1 - i : i]);
  }
  void position(lonlat p) {
    char* at = to_.out_.room(2 * max_decimal_chars + 2);
    if (to_.vertices_++ > 0) *at++ = ',';
    at = write_decimal(at, p.lon, to_.decimals_);
    *at++ = ',';
    to_.out_.commit(write_decimal(at, p.lat, to_.decimals_));
  }

  geometry_columns& to_;
  int depth_ = 0;
};

void geometry_columns::begin_part() {
  part_starts_.push_back(vertices_);
  rings_.push_back(static_cast<std::uint32_t>(ring_starts_.size()));
}

// Of a part that is no polygon, which counts as one ring, so that rings hold all positions without a gap.
void geometry_columns::begin_run() {
  begin_part();
  ring_starts_.push_back(vertices_);
}

geometry_columns::geometry_columns(text_sink& out, std::size_t features, int decimals)
    : out_{out}, decimals_{decimals} {
  types_.reserve(features);
  for (offsets* o : {&starts_, &parts_, &part_starts_, &rings_, &ring_starts_})
    o->reserve(features + 1);
  out_.append(R"("positions":[)");
}

bool geometry_columns::append(std::span<const std::byte> wkb) {
  const std::size_t size = out_.size(), parts = part_starts_.size(), rings = ring_starts_.size();
  const std::uint32_t vertices = vertices_;
  starts_.push_back(vertices_);
  parts_.push_back(static_cast<std::uint32_t>(parts));
  visitor v{*this};
  if (!detail::wkb_walker{wkb, v}.walk().empty()) {
    out_.truncate(size);
    vertices_ = vertices;
    part_starts_.resize(parts);
    rings_.resize(parts);
    ring_starts_.resize(rings);
    end_feature(0);
    return false;
  }
  if (v.type == geometry_type::geometry_collection) {
    collections_ += collections_.empty() ? R"({"index":)" : R"(,{"index":)";
    collections_ += std::to_string(types_.size()) + R"(,"geometry":)";
    append_geojson(collections_, wkb, decimals_);
    collections_ += '}';
  }
  end_feature(static_cast<std::uint8_t>(v.type));
  return true;
}

void geometry_columns::append_null() {
  starts_.push_back(vertices_);
  parts_.push_back(static_cast<std::uint32_t>(part_starts_.size()));
  end_feature(0);
}

// All but what may have several parts has just one, be it empty.
void geometry_columns::end_feature(std::uint8_t code) {
  const auto type = static_cast<geometry_type>(code);
  const bool multi = type == geometry_type::multi_line_string || type == geometry_type::multi_polygon;
  if (!multi && part_starts_.size() == parts_.back()) begin_run();
  has_multi_ |= multi;
  has_rings_ |= type == geometry_type::polygon || type == geometry_type::multi_polygon;
  only_points_ &= type == geometry_type::point && vertices_ == starts_.back() + 1;
  types_.push_back(code);
}

void geometry_columns::append_types() {
  std::uint8_t common = 0;
  bool mixed = false, absent = false;
  for (const std::uint8_t t : types_) {
    absent |= t == 0;
    mixed |= t != 0 && common != 0 && t != common;
    common = std::max(common, t);
  }
  out_.append(R"(,"geometryType":)");
  if (mixed)
    out_.append(R"("Mixed")");
  else
    append_type(out_, common);
  if (!mixed && (!absent || common == 0)) return;
  out_.append(R"(,"types":[)");
  for (std::size_t i = 0; i < types_.size(); ++i) {
    if (i > 0) out_.append(',');
    append_type(out_, types_[i]);
  }
  out_.append(']');
}

void geometry_columns::append_offsets(std::string_view name, const offsets& starts, std::size_t end) {
  out_.append(R"(,")");
  out_.append(name);
  out_.append(R"(":[)");
  for (const std::uint32_t start : starts) {
    append_integer(out_, start);
    out_.append(',');
  }
  append_integer(out_, end);
  out_.append(']');
}

void geometry_columns::finish() {
  out_.append(']');
  append_types();
  if (!only_points_ || types_.empty()) append_offsets("offsets", starts_, vertices_);
  if (has_multi_) {
    append_offsets("parts", parts_, part_starts_.size());
    append_offsets("partStarts", part_starts_, vertices_);
  }
  if (has_rings_) {
    append_offsets("rings", rings_, ring_starts_.size());
    append_offsets("ringStarts", ring_starts_, vertices_);
  }
  if (collections_.empty()) return;
  out_.append(R"(,"collections":[)");
  out_.append(collections_);
  out_.append(']');
}

}  // namespace gridlight::geo
