#include "geo/geojson.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "geo/wkb_build.hpp"

namespace gridlight::geo {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr std::uint32_t wgs84_srid = 4326;
constexpr int deepest = 32;

std::string number(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string out = "\"";
  std::size_t end = std::min(text.size(), longest);
  // Never cut a UTF-8 sequence in two.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  out += text.substr(0, end);
  return out + (end < text.size() ? "…\"" : "\"");
}

// A value as an error text names it.
std::string shown(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "the string " + quoted(value.get_string().value_unsafe());
    case element_type::BOOL:
      return value.get_bool().value_unsafe() ? "true" : "false";
    case element_type::NULL_VALUE:
      return "null";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return number(value.get_double().value_unsafe());
  }
  return "an unknown value";
}

std::optional<geometry_type> type_named(std::string_view name) noexcept {
  for (int i = 1; i <= 7; ++i)
    if (name_of(static_cast<geometry_type>(i)) == name) return static_cast<geometry_type>(i);
  return std::nullopt;
}

// The members of a geometry object that mean something.
struct members {
  std::optional<element> type, coordinates, geometries, crs;
};

// Reads one geometry object. Functions return false after an error; each level on the way out puts its step
// before the path, so that nothing is spent on paths while all goes well.
class reader {
 public:
  explicit reader(const geojson_limits& limits) noexcept : limits_{limits} {}

  parsed_geometry read(element value) {
    parsed_geometry out;
    if (geometry(value, 0)) {
      out.ewkb = builder_.take();
      out.vertices = vertices_;
      return out;
    }
    out.error = path_.empty() ? std::move(error_) : path_ + ": " + error_;
    out.too_large = too_large_;
    return out;
  }

 private:
  bool fail(std::string sentence) {
    error_ = std::move(sentence);
    return false;
  }
  bool at(std::string_view member) {
    const bool joined = path_.empty() || path_.front() == '[';
    path_.insert(0, joined ? std::string{member} : std::string{member} + ".");
    return false;
  }
  bool at(std::size_t index) {
    const bool joined = path_.empty() || path_.front() == '[';
    path_.insert(0, "[" + std::to_string(index) + (joined ? "]" : "]."));
    return false;
  }
  bool fail_at(std::string_view member, std::string sentence) {
    fail(std::move(sentence));
    return at(member);
  }

  bool collect(object from, members& found) {
    for (const auto field : from) {
      std::optional<element>* place = field.key == "type"          ? &found.type
                                      : field.key == "coordinates" ? &found.coordinates
                                      : field.key == "geometries"  ? &found.geometries
                                      : field.key == "crs"         ? &found.crs
                                                                   : nullptr;
      if (place == nullptr) continue;
      if (place->has_value()) return fail_at(field.key, "the member is given twice");
      *place = field.value;
    }
    return true;
  }

  bool geometry(element value, int depth) {
    object from;
    if (value.get(from) != simdjson::SUCCESS) return fail("a geometry object is needed, not " + shown(value));
    members found;
    if (!collect(from, found)) return false;
    if (!found.type) return fail_at("type", "the member is missing");
    std::string_view name;
    if (found.type->get(name) != simdjson::SUCCESS)
      return fail_at("type", "a geometry type is needed, not " + shown(*found.type));
    const auto type = type_named(name);
    if (!type) return fail_at("type", unknown_type(name));
    if (found.crs && !is_wgs84(*found.crs))
      return fail_at("crs", "only WGS 84 in degrees (CRS84, EPSG:4326) is understood");

    builder_.head(*type, depth == 0 ? wgs84_srid : 0);
    if (*type == geometry_type::geometry_collection) return collection(found, depth);
    if (!found.coordinates) return fail_at("coordinates", "the member is missing");
    return coordinates(*found.coordinates, *type) || at("coordinates");
  }

  static std::string unknown_type(std::string_view name) {
    std::string text = quoted(name) + " is no geometry type";
    if (name == "Feature") return text + "; send the Feature's geometry member";
    text += "; the types are ";
    for (int i = 1; i <= 7; ++i) {
      text += name_of(static_cast<geometry_type>(i));
      text += i < 6 ? ", " : i == 6 ? " and " : "";
    }
    return text;
  }

  bool collection(const members& found, int depth) {
    if (!found.geometries) return fail_at("geometries", "the member is missing");
    if (depth >= std::min(limits_.max_depth, deepest))
      return fail("collections are nested deeper than " +
                  std::to_string(std::min(limits_.max_depth, deepest)));
    const auto member = [this, depth](element e) { return geometry(e, depth + 1); };
    return each(*found.geometries, "an array of geometries", 0, "", member) || at("geometries");
  }

  bool coordinates(element value, geometry_type type) {
    switch (type) {
      case geometry_type::point:
        return position(value);
      case geometry_type::line_string:
        return line(value);
      case geometry_type::polygon:
        return polygon(value);
      case geometry_type::multi_point:
        return parts(value, "an array of positions", geometry_type::point,
                     [this](element e) { return position(e); });
      case geometry_type::multi_line_string:
        return parts(value, "an array of lines", geometry_type::line_string,
                     [this](element e) { return line(e); });
      case geometry_type::multi_polygon:
        return parts(value, "an array of polygons", geometry_type::polygon,
                     [this](element e) { return polygon(e); });
      case geometry_type::geometry_collection:
        break;
    }
    return false;
  }

  // A counted list in WKB from a JSON array; `needed` is told when there are fewer than `least`.
  template <class Member>
  bool each(element value, std::string_view what, std::size_t least, std::string_view needed, Member member) {
    array list;
    if (value.get(list) != simdjson::SUCCESS)
      return fail(std::string{what} + " is needed, not " + shown(value));
    const std::size_t place = builder_.open_count();
    std::size_t count = 0;
    for (const element e : list) {
      if (!member(e)) return at(count);
      ++count;
    }
    if (count < least)
      return fail(std::string{needed} + ", not " + std::to_string(count) +
                  (count == 1 ? " position" : " positions"));
    builder_.set_count(place, count);
    return true;
  }

  template <class Member>
  bool parts(element value, std::string_view what, geometry_type type, Member member) {
    return each(value, what, 0, "", [this, type, member](element e) {
      builder_.head(type, 0);
      return member(e);
    });
  }

  bool line(element value) {
    return each(value, "an array of positions", 2, "a line needs at least two",
                [this](element e) { return position(e); });
  }

  bool polygon(element value) {
    return each(value, "an array of rings", 0, "", [this](element e) { return ring(e); });
  }

  bool ring(element value) {
    lonlat first;
    bool begun = false;
    const bool ok = each(value, "an array of positions", 4, "a ring needs at least four", [&](element e) {
      if (!position(e)) return false;
      if (!begun) first = last_;
      begun = true;
      return true;
    });
    if (!ok || first == last_) return ok;
    return fail("the ring is not closed: it begins at " + shown(first) + " and ends at " + shown(last_));
  }

  static std::string shown(lonlat p) { return "[" + number(p.lon) + "," + number(p.lat) + "]"; }
  static std::string shown(element e) { return geo::shown(e); }

  bool position(element value) {
    array ordinates;
    if (value.get(ordinates) != simdjson::SUCCESS)
      return fail("a position (an array of longitude and latitude) is needed, not " + shown(value));
    std::size_t count = 0;
    std::array<double, 2> xy{};
    for (const element e : ordinates) {
      double d = 0;
      if (e.get(d) != simdjson::SUCCESS) {
        fail("a number is needed, not " + shown(e));
        return at(count);
      }
      if (count < 2) xy[count] = d;
      ++count;
    }
    if (count < 2) return fail("a position needs longitude and latitude");
    return take({xy[0], xy[1]});
  }

  bool take(lonlat p) {
    // Written so that NaN would fail too.
    if (!(p.lon >= -180 && p.lon <= 180)) return fail("longitude " + number(p.lon) + " is outside -180…180");
    if (!(p.lat >= -90 && p.lat <= 90)) return fail("latitude " + number(p.lat) + " is outside -90…90");
    if (++vertices_ > limits_.max_vertices) {
      too_large_ = true;
      return fail("the geometry has more than " + std::to_string(limits_.max_vertices) + " vertices");
    }
    builder_.position(p);
    last_ = p;
    return true;
  }

  const geojson_limits limits_;
  detail::ewkb_builder builder_;
  std::size_t vertices_ = 0;
  lonlat last_;
  bool too_large_ = false;
  std::string error_, path_;
};

}  // namespace

parsed_geometry geometry_from_geojson(element value, const geojson_limits& limits) {
  return reader{limits}.read(value);
}

bool is_wgs84(element crs) noexcept {
  std::string_view name;
  if (crs["properties"]["name"].get(name) != simdjson::SUCCESS) return false;
  static constexpr std::string_view names[] = {"urn:ogc:def:crs:OGC:1.3:CRS84",
                                               "urn:ogc:def:crs:OGC::CRS84",
                                               "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
                                               "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
                                               "OGC:CRS84",
                                               "CRS84",
                                               "EPSG:4326",
                                               "urn:ogc:def:crs:EPSG::4326",
                                               "http://www.opengis.net/def/crs/EPSG/0/4326"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace gridlight::geo
