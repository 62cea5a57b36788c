#include "api/tile_state.hpp"

#include <algorithm>
#include <utility>

#include "api/common.hpp"

namespace gridlight::api {

tile_name name_of(std::string_view key, std::span<const source_state> sources, std::uint64_t mark) {
  tile_name out;
  std::string touched{key};
  bool known = true;
  // A layer of which two versions went into it, as its places alone may be older ones, is told as the older.
  std::vector<std::pair<std::string_view, std::int64_t>> versions;
  for (const source_state& s : sources) {
    known = known && s.version.has_value();
    if (!s.version) continue;
    const auto told =
        std::find_if(versions.begin(), versions.end(), [&](const auto& v) { return v.first == s.of.name; });
    if (told == versions.end())
      versions.emplace_back(s.of.name, *s.version);
    else
      told->second = std::min(told->second, *s.version);
    touched.append(s.of.generalised      ? ";g:"
                   : s.of.placed.empty() ? ";"
                                         : ";p:")
        .append(s.of.name)
        .append("=");
    touched.append(std::to_string(s.touched));
  }
  for (const auto& [name, version] : versions)
    out.versions.append(out.versions.empty() ? "" : ", ")
        .append(name)
        .append("=")
        .append(std::to_string(version));
  if (mark != 0) touched.append(";@").append(std::to_string(mark));
  if (known) out.etag = hex64(hash64(touched));
  return out;
}

std::vector<tile_part> parts_at(const tile_layers& layers, int zoom, const version_store::knowledge* known) {
  std::vector<tile_part> out;
  for (const tile_layer& l : layers.layers) {
    if (zoom < l.of->config.min_zoom || zoom > l.of->config.max_zoom) continue;
    bool generalised = false;
    // A table that was made by other rules has other columns.
    if (known != nullptr && l.of->versioned && (!l.of->snap || l.of->snap->versioned))
      if (const auto at = known->find(l.of->config.name); at != known->end() && at->second->tiles)
        generalised = zoom < at->second->tiles->detail_zoom && at->second->tiles->rules == l.of->rules;
    out.push_back({l.of, generalised});
  }
  return out;
}

// A place half a unit beyond the buffer is rounded into it.
geo::bbox reach_of(const geo::tile& t, bool generalised) {
  return geo::envelope(t, (generalised ? 128.0 : 64.5) / 4096);
}

geo::bbox reach_of(const geo::tile& t, const tile_source& s) {
  return reach_of(t, s.generalised || !s.placed.empty());
}

std::optional<source_state> known_state(const tile_source& s, const geo::tile& t,
                                        const version_store::knowledge& known, std::int64_t since) {
  const auto at = known.find(s.name);
  if (!s.versioned || at == known.end()) return std::nullopt;
  const layer_knowledge& of = *at->second;
  std::int64_t version = of.version;
  if (s.generalised || !s.placed.empty()) {
    const auto made = s.placed.empty() ? at : known.find(s.placed);
    if (made == known.end() || !made->second->tiles) return std::nullopt;
    version = s.placed.empty() ? made->second->tiles->version : made->second->tiles->places;
  }
  if (s.anywhere) return source_state{s, version, version};
  return source_state{s, version, of.touched(reach_of(t, s), version, since)};
}

}  // namespace gridlight::api
