#include "api/tile_request.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "api/common.hpp"
#include "api/services.hpp"
#include "api/tile_sql.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto comma = text.find(',');
    out.push_back(text.substr(0, comma));
    if (comma == text.npos) return out;
    text.remove_prefix(comma + 1);
  }
}

result<const layer*> find_layer(const catalog& all, std::string_view name) {
  const layer* found = all.find(name);
  if (found == nullptr) {
    for (const auto& broken : all.broken())
      if (broken.name == name)
        return failure{errc::schema_mismatch, "layer " + broken.name + " cannot be served: " + broken.reason};
    std::string known;
    for (const layer& l : all.layers())
      if (l.has_place()) known += (known.empty() ? "" : ", ") + l.config.name;
    return failure{errc::not_found, "there is no layer " + http::shown(name) +
                                        "; layers with tiles: " + (known.empty() ? "none" : known)};
  }
  if (auto none = no_place(*found, "layers")) return *std::move(none);
  return found;
}

// Digits alone: no sign, no space, no fraction.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t out = 0;
  if (text.empty() || text.front() == '-' || text.size() > 18) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

result<tile_layers> read_tile_layers(const services& s, http::request& req, std::string_view names) {
  auto all = loaded_catalog(s);
  if (!all) return all.error();
  tile_layers out;
  out.owner = *all;
  out.names = names;
  req.audit.layer = names;
  for (const std::string_view name : split(names)) {
    const auto found = find_layer(**all, name);
    if (!found) return found.error();
    for (const tile_layer& other : out.layers)
      if (other.of == *found)
        return failure{errc::bad_parameter, "layer " + std::string{name} + " is named twice", "layers"};
    if (out.layers.size() == max_tile_layers)
      return failure{errc::bad_parameter, "a tile has at most " + std::to_string(max_tile_layers) + " layers",
                     "layers"};
    req.audit.hide_values = req.audit.hide_values || !(*found)->config.personal.empty();
    out.layers.push_back({*found, std::nullopt});
  }
  const auto& budgets = s.settings.tiles;
  out.configured =
      geo::hash64(std::to_string(budgets.max_bytes) + " " + std::to_string(budgets.budget.count()));
  return out;
}

std::vector<std::string> versions_told(const tile_layers& layers) {
  std::vector<std::string> out;
  bool conditioned = false;
  for (const tile_layer& l : layers.layers) {
    if (l.of->versioned) out.push_back(l.of->config.name);
    if (l.of->snap && l.of->snap->versioned) out.push_back(l.of->snap->layer);
    conditioned = conditioned || has_condition(*l.of);
  }
  if (conditioned) out.emplace_back(conditions);
  return out;
}

seen_versions read_versions(std::string_view v, const tile_layers& layers) {
  seen_versions out;
  for (std::string& name : versions_told(layers)) {
    const auto dot = v.find('.');
    const auto number = whole_number(v.substr(0, dot));
    if (!number) return {};
    out.emplace_back(std::move(name), *number);
    v.remove_prefix(dot == v.npos ? v.size() : dot + 1);
  }
  if (!v.empty()) out.clear();
  return out;
}

void put_in_order(tile_layers& layers) {
  std::map<std::string_view, tile_layer> by_name;
  for (tile_layer& l : layers.layers)
    by_name.emplace(l.of->config.name, std::move(l));
  layers.layers.clear();
  layers.names.clear();
  for (auto& [name, l] : by_name) {
    layers.names.append(layers.names.empty() ? "" : ",").append(name);
    layers.layers.push_back(std::move(l));
  }
}

void read_tile_properties(http::parameters& q, tile_layers& layers) {
  if (!q.text("properties")) return;
  std::vector<std::string> names = q.list("properties");
  for (tile_layer& l : layers.layers)
    l.properties.emplace();
  for (const std::string& name : names) {
    bool known = false;
    for (tile_layer& l : layers.layers) {
      const auto served = served_properties(*l.of);
      const auto at =
          std::find_if(served.begin(), served.end(), [&](const property& p) { return p.name == name; });
      const bool condition = at == served.end() && name == condition_property && has_condition(*l.of);
      if (at == served.end() && !condition) continue;
      known = true;
      l.properties->push_back(static_cast<std::size_t>(at - served.begin()));
    }
    if (!known)
      return q.fail("properties", "no layer of " + layers.names + " has a property " + http::shown(name));
    if (std::count(names.begin(), names.end(), name) > 1)
      return q.fail("properties", "property " + name + " is named twice");
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
    layers.selected.append(layers.selected.empty() ? "" : ",").append(name);
  // None at all is another question than each layer's own.
  if (layers.selected.empty()) layers.selected = ",";
}

std::string tile_key(const tile_layers& layers, const geo::tile& t) {
  std::uint64_t configured = layers.configured;
  for (const tile_layer& l : layers.layers)
    configured =
        geo::hash64(std::to_string(l.of->definition) + " " + std::to_string(l.of->rules), configured);
  std::string out = layers.names;
  out.append("?").append(layers.selected).append("#").append(std::to_string(configured));
  for (const std::int64_t n : {static_cast<std::int64_t>(t.z), t.x, t.y})
    out.append("/").append(std::to_string(n));
  return out;
}

result<geo::tile> read_tile(std::string_view z, std::string_view x, std::string_view y) {
  for (const std::string_view ending : {".mvt", ".pbf"})
    if (y.ends_with(ending)) {
      y.remove_suffix(ending.size());
      break;
    }
  const std::pair<std::string_view, std::string_view> parts[] = {{"z", z}, {"x", x}, {"y", y}};
  std::int64_t numbers[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = whole_number(parts[i].second);
    if (!number)
      return failure{errc::bad_parameter,
                     std::string{parts[i].first} + " is " + http::shown(parts[i].second) +
                         "; it must be a whole number, not negative",
                     std::string{parts[i].first}};
    numbers[i] = *number;
  }
  if (numbers[0] > max_tile_zoom)
    return failure{errc::not_found, "there are no tiles beyond zoom " + std::to_string(max_tile_zoom)};
  const std::int64_t side = std::int64_t{1} << numbers[0];
  if (numbers[1] >= side || numbers[2] >= side)
    return failure{errc::not_found, "at zoom " + std::to_string(numbers[0]) + " x and y go from 0 to " +
                                        std::to_string(side - 1)};
  return geo::tile{static_cast<int>(numbers[0]), numbers[1], numbers[2]};
}

}  // namespace gridlight::api
