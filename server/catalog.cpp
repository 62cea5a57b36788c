#include "server/catalog.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "geo/hash.hpp"
#include "server/tile_rules.hpp"

namespace gridlight {

std::string_view name(layer_mode m) noexcept {
  switch (m) {
    case layer_mode::managed:
      return "managed";
    case layer_mode::attached:
      return "attached";
    case layer_mode::mirrored:
      return "mirrored";
  }
  return "managed";
}

std::string_view name(layer_kind k) noexcept {
  switch (k) {
    case layer_kind::fixed:
      return "static";
    case layer_kind::dynamic:
      return "dynamic";
    case layer_kind::derived:
      return "derived";
  }
  return "static";
}

std::string_view name(geometry_kind k) noexcept {
  switch (k) {
    case geometry_kind::none:
      return "none";
    case geometry_kind::point:
      return "point";
    case geometry_kind::line:
      return "line";
    case geometry_kind::polygon:
      return "polygon";
    case geometry_kind::mixed:
      return "mixed";
  }
  return "mixed";
}

std::string_view layer_config::merge_column() const noexcept {
  if (geometry_type != geometry_kind::line) return {};
  return tiles.merge.empty() ? circuit : tiles.merge;
}

namespace {

std::uint64_t definition_of(const layer& l) {
  const layer_config& c = l.config;
  std::string all;
  const auto add = [&all](std::string_view text) { all.append(text).append(1, '\0'); };
  const auto add_number = [&](auto n) { add(std::to_string(n)); };
  for (const std::string* text : {&c.name, &c.schema, &c.table, &c.geometry, &c.longitude, &c.latitude,
                                  &c.snap_layer, &c.snap_by, &c.circuit, &c.tiles.merge, &c.tiles.rank})
    add(*text);
  for (const auto* list : {&c.key, &c.properties, &c.personal, &c.search}) {
    add_number(list->size());
    for (const std::string& each : *list)
      add(each);
  }
  for (const auto* list : {&l.key, &l.properties})
    for (const property& p : *list) {
      add(p.name);
      add_number(p.type);
    }
  for (const int n : {c.min_zoom, c.max_zoom, c.tiles.detail.value_or(-1), l.srid, int{l.geography}})
    add_number(n);
  add(name(c.geometry_type));
  if (l.snap) add(l.snap->schema + "." + l.snap->table);
  return geo::hash64(all);
}

// Plans are chosen by orders of magnitude; below some rows any is as good.
bool about_the_same(double a, double b) {
  constexpr double few = 1000;
  return std::max(a, b) <= few || std::max(a, b) <= 2 * std::min(a, b);
}

}  // namespace

catalog::catalog(std::vector<layer> layers, std::vector<unusable> broken)
    : layers_(std::move(layers)), broken_(std::move(broken)) {
  static std::atomic<std::uint64_t> last{0};
  number_ = ++last;
  for (layer& l : layers_) {
    l.definition = definition_of(l);
    if (l.has_place()) l.rules = hash_of_rules(generalisation_rules(l));
    if (l.config.personal.empty()) continue;
    layer& bare = unveiled_.emplace_back(l);
    bare.config.personal.clear();
    bare.snap.reset();
  }
}

bool catalog::as_good_as(const catalog& other) const {
  return broken_ == other.broken_ &&
         std::equal(layers_.begin(), layers_.end(), other.layers_.begin(), other.layers_.end(),
                    [](const layer& a, layer b) {
                      const bool known = (a.extent_area_km2 > 0) == (b.extent_area_km2 > 0);
                      if (!known || !about_the_same(a.extent_area_km2, b.extent_area_km2)) return false;
                      const auto rows = static_cast<double>(b.estimated_rows);
                      if (!about_the_same(static_cast<double>(a.estimated_rows), rows)) return false;
                      b.estimated_rows = a.estimated_rows;
                      b.extent_area_km2 = a.extent_area_km2;
                      return a == b;
                    });
}

const layer& catalog::unveiled(const layer& l) const noexcept {
  for (const layer& bare : unveiled_)
    if (bare.config.name == l.config.name) return bare;
  return l;
}

bool layer::hides_place() const noexcept {
  return std::any_of(config.personal.begin(), config.personal.end(), [&](const std::string& column) {
    return column == config.geometry || column == config.longitude || column == config.latitude;
  });
}

const layer* catalog::find(std::string_view name) const noexcept {
  for (const layer& l : layers_)
    if (l.config.name == name) return &l;
  return nullptr;
}

}  // namespace gridlight
