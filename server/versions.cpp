#include "server/versions.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "geo/hash.hpp"

namespace gridlight {
namespace {

// The last version of (from, to] of which no change is told; `from` when all are.
std::int64_t last_untold(std::int64_t from, std::int64_t to, const std::vector<layer_change>& told) {
  std::int64_t expected = to;
  for (auto change = told.rbegin(); change != told.rend() && expected > from; ++change) {
    if (change->version < expected) return expected;
    if (change->version == expected) --expected;
  }
  return expected;
}

// The version behind which there is as much as may be kept.
std::int64_t crowded(const layer_knowledge* before, const std::vector<layer_change>& now) {
  std::size_t changes = 0, boxes = 0;
  const auto full = [&](std::size_t more) {
    boxes += more;
    return ++changes > layer_knowledge::most_changes || boxes > layer_knowledge::most_boxes;
  };
  for (auto c = now.rbegin(); c != now.rend(); ++c)
    if (full(c->envelopes.size())) return c->version;
  if (before == nullptr) return 0;
  const auto old = before->changes.entries();
  for (auto e = old.rbegin(); e != old.rend(); ++e)
    if (full(e->count)) return e->version;
  return 0;
}

// What `now` adds to what was known; null: nothing.
std::shared_ptr<const layer_knowledge> merge(const layer_knowledge* before, version_store::reading& now) {
  const std::int64_t from = before == nullptr ? now.floor : before->version;
  auto out = std::make_shared<layer_knowledge>();
  out->version = now.version;
  out->tiles = now.tiles;
  out->floor = std::max({now.floor, before == nullptr ? 0 : before->floor, crowded(before, now.changes)});
  if (const auto untold = last_untold(from, now.version, now.changes); untold > from)
    out->floor = std::max(out->floor, untold);
  const auto kept = [&](std::int64_t version) { return version > out->floor && version <= now.version; };
  if (before != nullptr) {
    out->changes.reserve(before->changes.entries().size() + now.changes.size(), before->changes.boxes());
    for (const change_log::entry& e : before->changes.entries())
      if (kept(e.version)) out->changes.append(e.version, e.everything, before->changes.envelopes(e));
  }
  for (const layer_change& c : now.changes)
    if (kept(c.version)) out->changes.append(c.version, c.everything, c.envelopes);
  return out;
}

news::item item_of(const std::string& layer, const layer_knowledge* before, const layer_knowledge& now) {
  news::item out;
  out.layer = layer;
  out.version = now.version;
  out.tiles = before == nullptr ? now.tiles.has_value() : before->tiles != now.tiles;
  const std::int64_t from = before == nullptr ? -1 : before->version;
  out.everything = now.floor > from;
  for (const change_log::entry& e : now.changes.entries())
    if (e.version > from) {
      out.everything = out.everything || e.everything;
      const auto boxes = now.changes.envelopes(e);
      out.changes.push_back({e.version, e.everything, {boxes.begin(), boxes.end()}});
    }
  return out;
}

}  // namespace

std::int64_t layer_knowledge::touched(const geo::bbox& box, std::int64_t until,
                                      std::int64_t since) const noexcept {
  const auto all = changes.entries();
  for (auto e = all.rbegin(); e != all.rend() && e->version > since; ++e)
    if (e->version <= until && changes.touches(*e, box)) return e->version;
  return std::max(since, std::min(floor, until));
}

std::shared_ptr<const version_store::versions> version_store::fresh(steady::time_point now) const noexcept {
  // In this order: the versions are then at least as new as the time says.
  if (now - asked_at_.load() > trusted_for) return nullptr;
  return current_.load();
}

// Takes over where versions come from now; true when those known before are of elsewhere.
bool version_store::moved_to(std::int64_t database, const data_origin& from, bool known_before) {
  const bool anew = database != database_ || (!from.id.empty() && from.id != origin_.id) ||
                    (from.system != 0 && from.system != origin_.system);
  const bool other = anew || from.timeline > origin_.timeline;
  database_ = database;
  if (!from.id.empty()) origin_.id = from.id;
  if (from.system != 0) origin_.system = from.system;
  if (from.timeline != 0) origin_.timeline = anew ? from.timeline : std::max(origin_.timeline, from.timeline);
  if (!origin_.id.empty())
    mark_.store(geo::hash64(origin_.id + " " + std::to_string(origin_.system) + " " +
                            std::to_string(origin_.timeline) + " " + std::to_string(database)));
  return known_before && other;
}

void version_store::learn(readings now, steady::time_point asked_at, std::int64_t database,
                          const data_origin& from) {
  const auto before = current_.load();
  const bool set_back = before && std::any_of(before->begin(), before->end(), [&](const auto& was) {
                          const auto is = now.find(was.first);
                          return is == now.end() || is->second.version < was.second;
                        });
  const bool other_history = moved_to(database, from, before != nullptr) || set_back;
  const auto known_before = other_history ? nullptr : known_.load();

  auto found = std::make_shared<news>();
  found->other_history = other_history;
  knowledge all;
  versions plain;
  bool same = known_before && known_before->size() == now.size();
  for (auto& [layer, found_now] : now) {
    plain.emplace(layer, found_now.version);
    std::shared_ptr<const layer_knowledge> was;
    if (known_before)
      if (const auto at = known_before->find(layer); at != known_before->end()) was = at->second;
    if (was && was->version == found_now.version && was->tiles == found_now.tiles &&
        found_now.floor <= was->floor) {
      all.emplace(layer, std::move(was));
      continue;
    }
    same = false;
    auto is = merge(was.get(), found_now);
    if (!was || was->version != is->version || was->tiles != is->tiles)
      found->items.push_back(item_of(layer, was.get(), *is));
    all.emplace(layer, std::move(is));
  }
  if (other_history) history_.fetch_add(1);
  if (!same) {
    all.edition = ++editions_;
    all.mark = mark_.load();
    known_.store(std::make_shared<const knowledge>(std::move(all)));
  }
  if (!before || *before != plain) current_.store(std::make_shared<const versions>(std::move(plain)));
  asked_at_.store(asked_at);
  if (!found->items.empty() || other_history) publish(std::move(found));
}

void version_store::set(const versions& now, steady::time_point asked_at, std::int64_t database) {
  readings all;
  for (const auto& [layer, version] : now)
    all[layer].version = all[layer].floor = version;
  learn(std::move(all), asked_at, database);
}

version_store::subscription version_store::listen(boost::asio::any_io_executor executor,
                                                  listener tell) const {
  auto out = std::make_shared<const listener>(std::move(tell));
  const std::lock_guard guard{lock_};
  subscribers_.push_back({std::move(executor), out});
  return out;
}

void version_store::publish(std::shared_ptr<const news> what) const {
  const std::lock_guard guard{lock_};
  std::erase_if(subscribers_, [](const subscriber& s) { return s.tell.expired(); });
  for (const subscriber& s : subscribers_)
    boost::asio::post(s.executor, [tell = s.tell, what] {
      if (const auto still = tell.lock()) (*still)(what);
    });
}

}  // namespace gridlight
