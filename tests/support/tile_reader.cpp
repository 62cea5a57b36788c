#include "tests/support/tile_reader.hpp"

#include <protozero/pbf_reader.hpp>
#include <stdexcept>

#include "tests/support/shapes.hpp"

namespace gridlight::test {
namespace {

using geo::grid_point;
using geo::shape_kind;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error{"tile: " + what};
}
void require(bool condition, const char* what) {
  if (!condition) fail(what);
}

tag_value read_value(protozero::pbf_reader in) {
  tag_value out;
  int found = 0;
  for (; in.next(); ++found) {
    switch (in.tag()) {
      case 1:
        out = in.get_string();
        break;
      case 2:
        out = double{in.get_float()};
        break;
      case 3:
        out = in.get_double();
        break;
      case 4:
        out = in.get_int64();
        break;
      case 5:
        out = static_cast<std::int64_t>(in.get_uint64());
        break;
      case 6:
        out = in.get_sint64();
        break;
      case 7:
        out = in.get_bool();
        break;
      default:
        fail("a value of no known type");
    }
  }
  require(found == 1, "a value that is not one");
  return out;
}

class geometry_reader {
 public:
  using packed = protozero::iterator_range<protozero::pbf_reader::const_uint32_iterator>;

  geometry_reader(const packed& numbers, bool lenient)
      : at_{numbers.begin()}, end_{numbers.end()}, lenient_{lenient} {}

  void read(tile_feature& f) {
    require(at_ != end_, "no geometry");
    switch (f.kind) {
      case shape_kind::point:
        f.parts.emplace_back();
        for (auto n = command(1); n > 0; --n)
          f.parts.back().push_back(position());
        require(at_ == end_, "something behind points");
        break;
      case shape_kind::line_string:
      case shape_kind::polygon:
        while (at_ != end_)
          f.parts.push_back(part(f.kind == shape_kind::polygon));
        break;
      case shape_kind::none:
        fail("a geometry of no kind");
    }
  }

 private:
  std::uint32_t number() {
    require(at_ != end_, "a geometry that ends too soon");
    return *at_++;
  }
  std::uint32_t command(std::uint32_t expected) {
    const std::uint32_t n = number();
    require((n & 7) == expected && n >> 3 > 0, "another command than must stand here");
    return n >> 3;
  }
  grid_point position() {
    last_.x += protozero::decode_zigzag32(number());
    last_.y += protozero::decode_zigzag32(number());
    return last_;
  }
  std::vector<grid_point> part(bool ring) {
    require(command(1) == 1, "several MoveTo");
    std::vector<grid_point> out{position()};
    for (auto n = command(2); n > 0; --n) {
      const grid_point p = position();
      require(lenient_ || p != out.back(), "a LineTo that goes nowhere");
      if (p != out.back()) out.push_back(p);
    }
    if (ring) {
      require(command(7) == 1, "several ClosePath");
      if (lenient_ && out.back() == out.front()) out.pop_back();
      require(out.size() >= 3 && out.back() != out.front(), "a ring too short");
    }
    return out;
  }

  protozero::pbf_reader::const_uint32_iterator at_, end_;
  bool lenient_;
  grid_point last_;
};

tile_feature read_feature(protozero::pbf_reader in, const tile_layer& layer, bool lenient) {
  tile_feature out;
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        out.id = in.get_uint64();
        break;
      case 2: {
        const auto tags = in.get_packed_uint32();
        for (auto at = tags.begin(); at != tags.end();) {
          const std::uint32_t key = *at++;
          require(at != tags.end(), "a key without a value");
          const std::uint32_t value = *at++;
          require(key < layer.keys.size() && value < layer.values.size(), "a tag that names nothing");
          for (const auto& [name, ignored] : out.tags)
            require(name != layer.keys[key], "a key twice in a feature");
          out.tags.emplace_back(layer.keys[key], layer.values[value]);
        }
        break;
      }
      case 3:
        out.kind = static_cast<shape_kind>(in.get_enum());
        break;
      case 4:
        geometry_reader{in.get_packed_uint32(), lenient}.read(out);
        break;
      default:
        fail("an unknown field of a feature");
    }
  }
  return out;
}

tile_layer read_layer(protozero::pbf_reader in, bool lenient) {
  tile_layer out;
  std::vector<protozero::data_view> features;
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        out.name = in.get_string();
        break;
      case 2:
        features.push_back(in.get_view());
        break;
      case 3:
        out.keys.push_back(in.get_string());
        break;
      case 4:
        out.values.push_back(read_value(in.get_message()));
        break;
      case 5:
        out.extent = in.get_uint32();
        break;
      case 15:
        out.version = in.get_uint32();
        break;
      default:
        fail("an unknown field of a layer");
    }
  }
  for (const auto view : features)
    out.features.push_back(read_feature(protozero::pbf_reader{view}, out, lenient));
  return out;
}

}  // namespace

std::vector<tile_layer> read_tile(std::string_view bytes, bool lenient) {
  std::vector<tile_layer> out;
  protozero::pbf_reader in{bytes.data(), bytes.size()};
  while (in.next()) {
    require(in.tag() == 3, "an unknown field of a tile");
    out.push_back(read_layer(in.get_message(), lenient));
  }
  return out;
}

std::int64_t doubled_area(const std::vector<grid_point>& ring) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const grid_point a = ring[i], b = ring[(i + 1) % ring.size()];
    sum += std::int64_t{a.x} * b.y - std::int64_t{b.x} * a.y;
  }
  return sum;
}

std::vector<std::byte> polygons_of(const tile_feature& f) {
  shape out{geo::geometry_type::multi_polygon, {}, {}};
  for (const auto& part : f.parts) {
    const auto area = doubled_area(part);
    require(area != 0, "a ring without an area");
    if (area > 0) out.members.push_back({geo::geometry_type::polygon, {}, {}});
    require(!out.members.empty(), "a hole in nothing");
    auto& ring = out.members.back().runs.emplace_back();
    for (const grid_point p : part)
      ring.push_back({double(p.x), double(p.y)});
    ring.push_back(ring.front());
  }
  return to_wkb(out);
}

}  // namespace gridlight::test
