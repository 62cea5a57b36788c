#include "sync/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/config_sync.hpp"

namespace gridlight::sync {
namespace {

result<table_plan> make_plan(const config& settings, const sync_table_config& t) {
  table_plan out;
  out.config = t;
  out.schema = t.schema.empty() ? "public" : t.schema;
  out.table = t.table;
  out.key = t.key;
  if (t.table.empty()) {
    const std::string& wanted = t.layer.empty() ? t.name : t.layer;
    const auto layer = std::find_if(settings.layers.begin(), settings.layers.end(),
                                    [&](const layer_config& l) { return l.name == wanted; });
    if (layer == settings.layers.end())
      return failure{errc::input, fmt::format("sync.tables.{} names no layer: {} is none", t.name, wanted)};
    out.schema = layer->schema;
    out.table = layer->table;
    if (out.key.empty()) out.key = layer->key;
  }
  for (const layer_config& l : settings.layers) {
    if (l.schema != out.schema || l.table != out.table) continue;
    if (out.pulls() && l.mode == layer_mode::attached)
      return failure{errc::input, fmt::format("sync.tables.{} would write layer {}, which is attached: its "
                                              "table is somebody else's",
                                              t.name, l.name)};
    out.layers.push_back(l);
  }
  return out;
}

}  // namespace

result<std::vector<table_plan>> make_plans(const config& settings) {
  std::vector<table_plan> out;
  for (const sync_table_config& t : settings.sync.tables) {
    if (!config_detail::in_force(settings, t)) continue;
    auto plan = make_plan(settings, t);
    if (!plan) return plan.error();
    for (const table_plan& other : out)
      if (other.schema == plan->schema && other.table == plan->table && other.pulls() && plan->pulls())
        return failure{errc::input, fmt::format("sync.tables.{} and sync.tables.{} both write {}.{}",
                                                other.name(), plan->name(), plan->schema, plan->table)};
    out.push_back(std::move(*plan));
  }
  return out;
}

result<const table_plan*> find_plan(std::span<const table_plan> plans, std::string_view name) {
  for (const table_plan& p : plans)
    if (p.name() == name) return &p;
  for (const table_plan& p : plans)
    for (const layer_config& l : p.layers)
      if (l.name == name && p.pulls()) return &p;
  std::string known;
  for (const table_plan& p : plans)
    known.append(known.empty() ? "" : ", ").append(p.name());
  if (known.empty())
    return failure{errc::input,
                   "no table is kept: set sync.snowflake.account and its credentials, or add sync.tables"};
  return failure{errc::input, fmt::format("sync.tables has no {}; there are {}", name, known)};
}

}  // namespace gridlight::sync
