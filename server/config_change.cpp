#include "server/config_change.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/config_keys.hpp"

namespace gridlight {
namespace {

using namespace config_detail;

template <class Item>
const Item* find(const std::vector<Item>& all, std::string_view name) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Item& i) { return i.name == name; });
  return at == all.end() ? nullptr : &*at;
}

// "layers.roads (new)", and so on.
template <class Item>
void note_items(std::string_view of, const std::vector<Item>& before, const std::vector<Item>& now,
                std::vector<std::string>& out) {
  for (const Item& i : before)
    if (find(now, i.name) == nullptr) out.push_back(fmt::format("{}.{} (removed)", of, i.name));
  for (const Item& i : now) {
    const Item* was = find(before, i.name);
    if (was == nullptr) out.push_back(fmt::format("{}.{} (new)", of, i.name));
    if (was != nullptr && !(*was == i)) out.push_back(fmt::format("{}.{}", of, i.name));
  }
}

// TLS is spoken or not on a socket that is there already: clients cannot change over.
bool turns_tls(const config& running, const config& next) {
  return running.http.tls.enabled() != next.http.tls.enabled();
}

}  // namespace

result<config_change> compare(const config& running, config next) {
  config_change out;
  const bool tls_waits = turns_tls(running, next);
  for (const setting& s : settings_table()) {
    if (s.same(running, next)) continue;
    const bool waits =
        s.restart || (tls_waits && (s.name == "http.tls.certificate" || s.name == "http.tls.key"));
    (waits ? out.restart : out.changed).push_back(s.name);
    if (waits) s.copy(running, next);
    out.sync = out.sync || s.name.starts_with("sync.");
  }
  const std::size_t settings = out.changed.size();
  note_items("layers", running.layers, next.layers, out.changed);
  out.layers = running.layers != next.layers;
  if (out.layers && out.changed.size() == settings) out.changed.emplace_back("layers (order)");
  note_items("sync.tables", running.sync.tables, next.sync.tables, out.changed);
  out.sync = out.sync || out.layers || running.sync.tables != next.sync.tables;
  if (const auto wrong = contradictions(next); !wrong.empty())
    return failure{errc::input,
                   wrong.front().what + (out.restart.empty() ? ""
                                                             : fmt::format(" ({} waits for a restart)",
                                                                           fmt::join(out.restart, ", ")))};
  out.merged = std::move(next);
  return out;
}

}  // namespace gridlight
