#include "sync/load/features.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <variant>

#include "geo/geojson.hpp"

namespace gridlight::sync {
namespace {

constexpr geo::geojson_limits file_limits{.max_vertices = 4'000'000, .max_depth = 8};

class feature_rows final : public row_source {
 public:
  template <class Splitter>
  explicit feature_rows(Splitter splitter) : splitter_(std::move(splitter)) {}

  const std::vector<std::string>& columns() const noexcept override { return columns_; }
  bool has_features() const noexcept override { return true; }
  std::uint64_t consumed() const noexcept override {
    return std::visit([](const auto& s) { return s.consumed(); }, splitter_);
  }

  result<bool> next(source_row& row) override {
    row.error.clear();
    row.geometry.clear();
    row.cells.assign(columns_.size(), cell{});
    texts_used_ = 0;
    const auto item = std::visit([](auto& s) { return s.next(); }, splitter_);
    if (!item) return item.error();
    if (!item->has_value()) return false;
    row.line = (*item)->line;
    row.raw = (*item)->text;
    read_feature(row);
    return true;
  }

 private:
  void read_feature(source_row& row) {
    simdjson::dom::element feature;
    text_.resize(row.raw.size() + simdjson::SIMDJSON_PADDING);
    std::memcpy(text_.data(), row.raw.data(), row.raw.size());
    std::memset(text_.data() + row.raw.size(), 0, simdjson::SIMDJSON_PADDING);
    if (const auto e = parser_.parse(text_.data(), row.raw.size(), false).get(feature)) {
      row.error = std::string{"not JSON: "} + simdjson::error_message(e);
      return;
    }
    std::string_view type;
    if (feature["type"].get(type) != simdjson::SUCCESS || type != "Feature") {
      row.error = "not a GeoJSON Feature";
      return;
    }
    simdjson::dom::element id;
    if (feature["id"].get(id) == simdjson::SUCCESS && !id.is_null()) set(row, "id", id);
    simdjson::dom::element properties;
    if (feature["properties"].get(properties) == simdjson::SUCCESS && !properties.is_null()) {
      simdjson::dom::object members;
      if (properties.get(members) != simdjson::SUCCESS) {
        row.error = "\"properties\" is not an object";
        return;
      }
      for (const auto member : members)
        set(row, member.key, member.value);
    }
    simdjson::dom::element geometry;
    if (feature["geometry"].get(geometry) != simdjson::SUCCESS || geometry.is_null()) return;
    geo::parsed_geometry parsed = geo::geometry_from_geojson(geometry, file_limits);
    if (parsed.error.empty())
      row.geometry = std::move(parsed.ewkb);
    else
      row.error = "geometry: " + parsed.error;
  }

  // Properties mostly come in the same order: the column after the last one is tried before the name is
  // looked up.
  std::size_t column_of(std::string_view name) {
    if (++last_ < columns_.size() && columns_[last_] == name) return last_;
    const auto found = by_name_.find(std::string{name});
    if (found != by_name_.end()) return last_ = found->second;
    columns_.emplace_back(name);
    by_name_.emplace(name, columns_.size() - 1);
    return last_ = columns_.size() - 1;
  }

  void set(source_row& row, std::string_view name, simdjson::dom::element value) {
    const std::size_t at = column_of(name);
    if (at >= row.cells.size()) row.cells.resize(at + 1);
    row.cells[at] = to_cell(value);
  }

  cell to_cell(simdjson::dom::element value) {
    using type = simdjson::dom::element_type;
    cell out;
    switch (value.type()) {
      case type::NULL_VALUE:
        return out;
      case type::BOOL:
        return {cell::kind::boolean, {}, value.get_bool().value_unsafe() ? 1 : 0};
      case type::INT64:
        return {cell::kind::integer, {}, value.get_int64().value_unsafe()};
      case type::UINT64:
        return {cell::kind::text, keep(std::to_string(value.get_uint64().value_unsafe()))};
      case type::DOUBLE:
        return {cell::kind::number, {}, 0, value.get_double().value_unsafe()};
      case type::STRING:
        return {cell::kind::text, value.get_string().value_unsafe()};
      default:
        return {cell::kind::json, keep(simdjson::minify(value))};
    }
  }

  std::string_view keep(std::string text) {
    if (texts_used_ == texts_.size()) texts_.emplace_back();
    return texts_[texts_used_++] = std::move(text);
  }

  std::variant<feature_splitter, feature_lines> splitter_;
  simdjson::dom::parser parser_;
  std::string text_;
  std::vector<std::string> columns_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::size_t last_ = 0;
  std::deque<std::string> texts_;  // deque: views stay when it grows
  std::size_t texts_used_ = 0;
};

}  // namespace

std::unique_ptr<row_source> open_features(text_window window, file_kind kind) {
  if (kind == file_kind::geojson_lines)
    return std::make_unique<feature_rows>(feature_lines{std::move(window)});
  return std::make_unique<feature_rows>(feature_splitter{std::move(window)});
}

}  // namespace gridlight::sync
