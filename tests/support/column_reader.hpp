#pragma once

#include <doctest/doctest.h>
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/value_writer.hpp"

namespace gridlight::test {

/// What a client does with f=columns: makes the GeoJSON features again, as minified texts.
class column_reader {
 public:
  explicit column_reader(const std::string& json) {
    REQUIRE_MESSAGE(parser_.parse(json).get(root_) == simdjson::SUCCESS, json.substr(0, 300));
    ids_ = texts("ids");
    positions_ = texts("positions");
    types_ = texts("types");
    starts_ = numbers("offsets");
    parts_ = numbers("parts");
    part_starts_ = parts_.empty() ? starts_ : numbers("partStarts");
    rings_ = numbers("rings");
    ring_starts_ = numbers("ringStarts");
    check_offsets();
  }

  std::size_t size() const { return ids_.size(); }
  simdjson::dom::element root() const { return root_; }

  std::vector<std::string> features() const {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < size(); ++i)
      out.push_back(R"({"type":"Feature","id":)" + ids_[i] + R"(,"geometry":)" + geometry(i) +
                    R"(,"properties":{)" + properties(i) + "}}");
    return out;
  }

  std::string geometry(std::size_t i) const {
    const std::string type = types_.empty() ? minified(root_["geometryType"].value()) : types_[i];
    if (type == "null") return type;
    if (type == "\"GeometryCollection\"") {
      for (simdjson::dom::element c : simdjson::dom::array{root_["collections"]})
        if (c["index"].get_uint64().value() == i) return minified(c["geometry"].value());
      FAIL("the collection is missing");
    }
    return "{\"type\":" + type + ",\"coordinates\":" + coordinates(type, i) + "}";
  }

  static std::string minified(const simdjson::dom::element& e) { return simdjson::minify(e); }
  /// The features of a GeoJSON text `[…]`, minified alike.
  static std::vector<std::string> minified_items(const std::string& array) {
    simdjson::dom::parser parser;
    simdjson::dom::array items;
    REQUIRE(parser.parse(array).get(items) == simdjson::SUCCESS);
    std::vector<std::string> out;
    for (const auto item : items)
      out.push_back(minified(item));
    return out;
  }

 private:
  using offsets = std::vector<std::size_t>;

  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> out;
    simdjson::dom::array items;
    if (root_[name].get(items) == simdjson::SUCCESS)
      for (const auto item : items)
        out.push_back(minified(item));
    return out;
  }
  offsets numbers(const char* name) const {
    offsets out;
    for (const std::string& text : texts(name))
      out.push_back(std::stoul(text));
    return out;
  }

  // Every feature, part and ring has an offset, they never fall, and they end where the next level ends.
  void check_offsets() const {
    const auto grows_to = [](const offsets& o, std::size_t end) {
      for (std::size_t i = 1; i < o.size(); ++i)
        REQUIRE(o[i - 1] <= o[i]);
      REQUIRE((o.empty() || (o.front() == 0 && o.back() == end)));
    };
    const std::size_t vertices = positions_.size() / 2;
    REQUIRE(positions_.size() % 2 == 0);
    REQUIRE((types_.empty() || types_.size() == size()));
    REQUIRE((starts_.empty() ? vertices == size() && size() > 0 : starts_.size() == size() + 1));
    REQUIRE((parts_.empty() || parts_.size() == size() + 1));
    REQUIRE((rings_.empty() || rings_.size() == part_starts_.size()));
    grows_to(starts_, vertices);
    grows_to(part_starts_, vertices);
    grows_to(ring_starts_, vertices);
    if (!parts_.empty()) grows_to(parts_, part_starts_.size() - 1);
    if (!rings_.empty()) grows_to(rings_, ring_starts_.size() - 1);
  }

  std::string position(std::size_t v) const {
    return "[" + positions_[2 * v] + "," + positions_[2 * v + 1] + "]";
  }
  template <class Item>
  static std::string list(std::size_t from, std::size_t to, Item item) {
    std::string out = "[";
    for (std::size_t i = from; i < to; ++i)
      out += (i > from ? "," : "") + item(i);
    return out + "]";
  }
  std::string run(std::size_t from, std::size_t to) const {
    return list(from, to, [this](std::size_t v) { return position(v); });
  }
  std::string line(std::size_t part) const { return run(part_starts_[part], part_starts_[part + 1]); }
  std::string polygon(std::size_t part) const {
    return list(rings_[part], rings_[part + 1],
                [this](std::size_t r) { return run(ring_starts_[r], ring_starts_[r + 1]); });
  }

  std::string coordinates(std::string_view type, std::size_t i) const {
    if (starts_.empty()) return position(i);
    const std::size_t from = starts_[i], to = starts_[i + 1];
    if (type == "\"Point\"") return from == to ? "[]" : position(from);
    if (type == "\"LineString\"" || type == "\"MultiPoint\"") return run(from, to);
    const std::size_t first = parts_.empty() ? i : parts_[i];
    if (type == "\"Polygon\"") return polygon(first);
    const bool lines = type == "\"MultiLineString\"";
    return list(first, parts_[i + 1], [&](std::size_t p) { return lines ? line(p) : polygon(p); });
  }

  std::string properties(std::size_t i) const {
    std::string out;
    for (const auto column : simdjson::dom::object{root_["columns"]}) {
      if (!out.empty()) out += ',';
      api::append_json_string(out, column.key);
      out += ':' + minified(column.value.at(i).value());
    }
    return out;
  }

  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
  std::vector<std::string> ids_, positions_, types_;
  offsets starts_, parts_, part_starts_, rings_, ring_starts_;
};

}  // namespace gridlight::test
