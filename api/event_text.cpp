#include "api/event_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/grid_statements.hpp"
#include "geo/decimal.hpp"

namespace gridlight::api {
namespace {

bool touch(const geo::bbox& a, const geo::bbox& b) noexcept {
  return a.min_lon <= b.max_lon && b.min_lon <= a.max_lon && a.min_lat <= b.max_lat && b.min_lat <= a.max_lat;
}

// `place` does not cross the antimeridian; the filter's box may.
bool touches(const event_filter& f, const geo::bbox& place) noexcept {
  if (!f.box) return true;
  const auto& b = *f.box;
  const geo::bbox_parts parts = geo::split({b[0], b[1], b[2], b[3]});
  return touch(parts.boxes[0], place) || (parts.count == 2 && touch(parts.boxes[1], place));
}

bool touches(const event_filter& f, const std::vector<geo::bbox>& places) noexcept {
  return places.empty() ||
         std::any_of(places.begin(), places.end(), [&](const geo::bbox& p) { return touches(f, p); });
}

bool holds(const std::vector<std::string>& sorted, std::string_view name) noexcept {
  return std::binary_search(sorted.begin(), sorted.end(), name, std::less<>{});
}

void append_box(std::string& out, const geo::bbox& b) {
  out += '[';
  for (const double edge : {b.min_lon, b.min_lat, b.max_lon, b.max_lat}) {
    if (out.back() != '[') out += ',';
    geo::append_decimal(out, edge, 7);
  }
  out += ']';
}

// What is to be told of one layer's way from `was` to `is`.
struct layer_delta {
  bool everything = false;
  std::vector<geo::bbox> envelopes;

  void add(const layer_knowledge* known, std::int64_t from, std::int64_t to, const event_filter& f) {
    if (from == to || everything) return;
    if (known == nullptr || from > to || known->floor > from) {
      everything = true;
      return;
    }
    for (const change_log::entry& change : known->changes.entries()) {
      if (change.version <= from || change.version > to) continue;
      everything = everything || change.everything;
      for (const geo::bbox& e : known->changes.envelopes(change))
        if (touches(f, e) && std::find(envelopes.begin(), envelopes.end(), e) == envelopes.end())
          envelopes.push_back(e);
    }
  }
  void join() {
    if (envelopes.size() <= most_envelopes) return;
    geo::bbox all = envelopes.front();
    for (const geo::bbox& e : envelopes) {
      all.min_lon = std::min(all.min_lon, e.min_lon);
      all.min_lat = std::min(all.min_lat, e.min_lat);
      all.max_lon = std::max(all.max_lon, e.max_lon);
      all.max_lat = std::max(all.max_lat, e.max_lat);
    }
    envelopes = {all};
  }
};

void append_layer_event(std::string& out, std::string_view layer, const told_version& was,
                        const told_version& is, const layer_knowledge* known, const event_filter& f) {
  layer_delta d;
  d.everything = holds(f.placeless, layer);
  d.add(known, was.version, is.version, f);
  // Tiles of low zooms changed where the layer did between the two versions that they were made from.
  const bool made_anew = was.tiles != is.tiles || was.places != is.places;
  if (was.places != is.places || (was.tiles != is.tiles && (was.tiles == 0 || is.tiles == 0)))
    d.everything = true;
  else
    d.add(known, was.tiles, is.tiles, f);
  if (f.box && !d.everything && d.envelopes.empty()) return;
  out.append("event: layer\ndata: {\"layer\":\"").append(layer).append("\",\"version\":");
  out += std::to_string(is.version);
  if (made_anew) {
    out.append(",\"tiles_version\":").append(is.tiles == 0 ? "null" : std::to_string(is.tiles));
    if (known != nullptr && known->tiles)
      out.append(",\"detail_zoom\":").append(std::to_string(known->tiles->detail_zoom));
  }
  if (d.everything) {
    out += ",\"everything\":true";
  } else {
    d.join();
    out += ",\"envelopes\":[";
    for (const geo::bbox& e : d.envelopes) {
      if (out.back() != '[') out += ',';
      append_box(out, e);
    }
    out += ']';
  }
  out += "}\n\n";
}

const layer_knowledge* knowledge_of(const event_state& s, std::string_view layer) {
  if (!s.known) return nullptr;
  const auto at = s.known->find(layer);
  return at == s.known->end() ? nullptr : at->second.get();
}

void append_layer_events(std::string& out, const told_versions& told, const event_state& now,
                         const event_filter& f) {
  for (const std::string& layer : f.layers) {
    const auto is = now.told.find(layer);
    if (is == now.told.end()) continue;
    const auto was = told.find(layer);
    const told_version before = was == told.end() ? told_version{} : was->second;
    if (before != is->second) append_layer_event(out, layer, before, is->second, knowledge_of(now, layer), f);
  }
}

// The id goes into the last event: who was cut off within these events is told them all again.
std::string with_id(std::string events, const told_versions& told) {
  if (events.empty()) return events;
  events.pop_back();
  return events.append("id: ").append(event_id(told)).append("\n\n");
}

template <class Get>
void append_versions(std::string& out, const event_state& now, const event_filter& f, Get get) {
  out += '{';
  for (const std::string& layer : f.layers) {
    const auto at = now.told.find(layer);
    if (at == now.told.end() || get(at->second) == 0) continue;
    out.append(out.back() == '{' ? "\"" : ",\"").append(layer).append("\":");
    out += std::to_string(get(at->second));
  }
  out += '}';
}

std::string event_of(std::string_view name, std::string_view data) {
  return std::string{"event: "}.append(name).append("\ndata: ").append(data).append("\n\n");
}

std::string gone(std::string_view id_name, std::string_view id) {
  return std::string{"{\""}.append(id_name).append("\":").append(id).append(",\"gone\":true}");
}

// Calls tell(id, was, is) for what differs; either may be null.
template <class Map, class Tell>
void each_difference(const Map* before, const Map& after, Tell tell) {
  static const Map none;
  const Map& was = before == nullptr ? none : *before;
  for (const auto& [id, is] : after) {
    const auto at = was.find(id);
    if (at == was.end())
      tell(id, nullptr, &is);
    else if (!(at->second == is))
      tell(id, &at->second, &is);
  }
  for (const auto& [id, gone_one] : was)
    if (!after.contains(id)) tell(id, &gone_one, nullptr);
}

}  // namespace

bool event_filter::wants(std::string_view layer) const noexcept {
  return holds(layers, layer);
}

bool event_filter::wants_status() const noexcept {
  return wants(substations_layer) || wants(circuits_layer) || wants(outages_layer);
}

std::string event_id(const told_versions& told) {
  std::string out;
  if (told.mark != 0) out = fmt::format("@{:016x}", told.mark);
  for (const auto& [layer, v] : told) {
    if (!out.empty()) out += ',';
    out.append(layer).append("=").append(std::to_string(v.version));
    if (v.tiles != 0 || v.places != 0) out.append("/").append(std::to_string(v.tiles));
    if (v.places != 0) out.append("/").append(std::to_string(v.places));
  }
  return out;
}

std::optional<told_versions> read_event_id(std::string_view text) {
  told_versions out;
  if (text.starts_with('@')) {
    const std::string_view mark = text.substr(1, std::min(text.find(','), text.size()) - 1);
    const auto read = std::from_chars(mark.data(), mark.data() + mark.size(), out.mark, 16);
    if (read.ec != std::errc{} || read.ptr != mark.data() + mark.size() || out.mark == 0) return std::nullopt;
    text.remove_prefix(std::min(text.size(), mark.size() + 2));
  }
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const auto equals = item.find('=');
    if (equals == 0 || equals == item.npos || item[0] == '@') return std::nullopt;
    told_version v;
    const char* const end = item.data() + item.size();
    auto read = std::from_chars(item.data() + equals + 1, end, v.version);
    for (std::int64_t* const next : {&v.tiles, &v.places})
      if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '/')
        read = std::from_chars(read.ptr + 1, end, *next);
    if (read.ec != std::errc{} || read.ptr != end || v.version < 0 || v.tiles < 0 || v.places < 0)
      return std::nullopt;
    if (!out.emplace(item.substr(0, equals), v).second) return std::nullopt;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

event_step::event_step(event_state_pointer before, event_state_pointer after)
    : before_(std::move(before)), after_(std::move(after)) {
  if (!before_ || !after_->grid || before_->grid == after_->grid) return;
  const grid_state* const was = before_->grid.get();
  each_difference(was == nullptr ? nullptr : &was->substations, after_->grid->substations,
                  [&](const std::string& id, const std::string*, const std::string* is) {
                    status_ += event_of("status", is == nullptr ? gone("substation_id", id) : *is);
                  });
  each_difference(
      was == nullptr ? nullptr : &was->outages, after_->grid->outages,
      [&](const std::string& id, const open_outage* o, const open_outage* is) {
        outage_event e{event_of("outage", is == nullptr ? gone("outage_id", id) : is->feature), {}};
        for (const open_outage* each : {o, is})
          if (each != nullptr && each->at) e.places.push_back(*each->at);
        outages_.push_back(std::move(e));
      });
}

std::optional<std::string> event_step::text(const event_filter& f) const {
  if (!before_) return std::nullopt;
  std::string out;
  append_layer_events(out, before_->told, *after_, f);
  if (f.wants_status()) out += status_;
  if (f.wants(outages_layer))
    for (const outage_event& e : outages_)
      if (touches(f, e.places)) out += e.text;
  return with_id(std::move(out), after_->told);
}

std::vector<http::chunk_pointer> snapshot_text(const event_state& now, const event_filter& f) {
  std::vector<http::chunk_pointer> out;
  std::string head = "event: snapshot\nid: " + event_id(now.told) + "\ndata: {\"versions\":";
  append_versions(head, now, f, [](const told_version& v) { return v.version; });
  head += ",\"tiles_versions\":";
  append_versions(head, now, f, [](const told_version& v) { return v.tiles; });
  out.push_back(http::make_chunk(head));
  if (now.grid && f.wants_status()) out.push_back(now.grid->substations_member);
  if (now.grid && f.wants(outages_layer)) {
    if (!f.box) {
      out.push_back(now.grid->outages_member);
    } else {
      std::string outages = ",\"outages\":[";
      for (const auto& [id, o] : now.grid->outages) {
        if (o.at && !touches(f, *o.at)) continue;
        if (outages.back() != '[') outages += ',';
        outages += o.feature;
      }
      outages += ']';
      if (now.grid->outages_cut) outages += outages_cut_member;
      out.push_back(http::make_chunk(outages));
    }
  }
  static const http::chunk_pointer end = http::make_chunk("}\n\n");
  out.push_back(end);
  return out;
}

std::optional<std::vector<http::chunk_pointer>> resumed_text(const told_versions& told,
                                                             const event_state& now, const event_filter& f) {
  if (told.mark != now.told.mark) return std::nullopt;
  bool moved = now.silent_grid;
  for (const auto& [layer, is] : now.told) {
    const auto was = told.find(layer);
    const layer_knowledge* const known = knowledge_of(now, layer);
    if (was == told.end() || known == nullptr || was->second.version > is.version) return std::nullopt;
    if (was->second.version < is.version && known->floor > was->second.version && f.wants(layer))
      return std::nullopt;
    const bool of_grid = layer == substations_layer || layer == circuits_layer || layer == outages_layer;
    moved = moved || (of_grid && was->second.version != is.version);
  }
  std::vector<http::chunk_pointer> out;
  std::string events;
  append_layer_events(events, told, now, f);
  const bool snapshot = moved && now.grid && f.wants_status();
  if (!snapshot) events = with_id(std::move(events), now.told);
  if (!events.empty()) out.push_back(http::make_chunk(events));
  if (snapshot)
    for (auto& piece : snapshot_text(now, f))
      out.push_back(std::move(piece));
  return out;
}

}  // namespace gridlight::api
