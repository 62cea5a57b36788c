// Configuration as text for people: the reference, and what is in force.
#include <fmt/format.h>

#include "server/config.hpp"
#include "server/config_keys.hpp"
#include "server/config_layers.hpp"
#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight {
namespace {

using namespace config_detail;

// A quoted YAML scalar that parse_config reads back: ${ must not be taken for a variable.
std::string scalar_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') out += '\\';
    if (c == '$' && text.substr(i + 1).starts_with('{')) out += '$';
    out += c;
  }
  return out + '"';
}

std::string flow_list(const std::vector<std::string>& items) {
  std::vector<std::string> out;
  for (const std::string& item : items)
    out.push_back(scalar_text(item));
  return fmt::format("[{}]", fmt::join(out, ", "));
}

bool needs_quotes(const setting& s, std::string_view value) {
  return value.empty() || s.hidden ||
         value.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzKMGB.") != value.npos;
}

void dump_layer(std::string& out, const layer_config& l) {
  const auto line = [&](std::string_view key, std::string_view value) {
    out += fmt::format("    {}: {}\n", key, value);
  };
  out += fmt::format("  {}:\n", l.name);
  line("title", scalar_text(l.title));
  line("schema", scalar_text(l.schema));
  line("table", scalar_text(l.table));
  line("key", flow_list(l.key));
  if (!l.longitude.empty()) {
    line("geometry", fmt::format("{{lon: {}, lat: {}}}", scalar_text(l.longitude), scalar_text(l.latitude)));
  } else {
    line("geometry", l.geometry.empty() ? "none" : scalar_text(l.geometry));
  }
  line("geometry_type", name(l.geometry_type));
  line("properties", flow_list(l.properties));
  line("personal", flow_list(l.personal));
  if (!l.snap_layer.empty())
    line("snap", fmt::format("{{layer: {}, by: {}}}", scalar_text(l.snap_layer), scalar_text(l.snap_by)));
  line("zooms", fmt::format("[{}, {}]", l.min_zoom, l.max_zoom));
  line("mode", name(l.mode));
  line("kind", name(l.kind));
  if (!l.circuit.empty()) line("circuit", scalar_text(l.circuit));
  if (!l.search.empty()) line("search", flow_list(l.search));
  std::vector<std::string> rules;
  if (l.tiles.detail) rules.push_back(fmt::format("detail: {}", *l.tiles.detail));
  if (!l.tiles.merge.empty()) rules.push_back("merge: " + scalar_text(l.tiles.merge));
  if (!l.tiles.rank.empty()) rules.push_back("rank: " + scalar_text(l.tiles.rank));
  if (!rules.empty()) line("tiles", fmt::format("{{{}}}", fmt::join(rules, ", ")));
}

}  // namespace

std::string dump(const config& settings) {
  std::string out, section, part;
  for (const setting& s : settings_table()) {
    const auto dot = s.name.find('.'), last = s.name.rfind('.');
    if (s.name.substr(0, dot) != section) {
      section = s.name.substr(0, dot);
      out += section + ":\n";
    }
    const std::string inner = last == dot ? "" : s.name.substr(dot + 1, last - dot - 1);
    if (inner != part && !inner.empty()) out += fmt::format("  {}:\n", inner);
    part = inner;
    const auto values = s.read(settings);
    const std::string shown_value = s.list                            ? flow_list(values)
                                    : needs_quotes(s, values.front()) ? scalar_text(values.front())
                                                                      : values.front();
    out += fmt::format("{}{}: {}\n", inner.empty() ? "  " : "    ", s.name.substr(last + 1), shown_value);
  }
  // The last section of the settings is sync, where the tables stand.
  std::string tables;
  for (const sync_table_config& t : settings.sync.tables)
    if (t.given || in_force(settings, t)) dump_sync_table(tables, t);
  if (!tables.empty()) out += "  tables:\n" + tables;
  out += settings.layers.empty() ? "layers: {}\n" : "layers:\n";
  for (const layer_config& l : settings.layers)
    dump_layer(out, l);
  return out;
}

std::string config_reference() {
  const config defaults;
  std::string out =
      "Settings, by name. In gridlight.yaml the parts of a name are nested keys; each may also be an "
      "environment\n"
      "variable (below it) or a flag (--set NAME=VALUE). The flag wins over the environment, that over the "
      "file.\n"
      "SIGHUP has a running server read the file anew; what is marked so is taken by a restart alone.\n";
  for (const setting& s : settings_table()) {
    const auto values = s.read(defaults);
    const auto text = s.list                   ? fmt::format("[{}]", fmt::join(values, ", "))
                      : values.front().empty() ? "empty"
                                               : values.front();
    out += fmt::format("\n{}\n    {}\n    {}\n    Default: {}. Must be {}.{}\n", s.name,
                       environment_name(s.name), s.help, text, s.rule, s.restart ? " Needs a restart." : "");
  }
  out +=
      "\nlayers\n    The layers served, a map from name to keys. A file without it serves the built-in "
      "layers, a file with\n"
      "    it exactly those it lists. A name is a letter a to z, then letters, digits and _, at most 60.\n";
  for (const layer_key_help& k : layer_keys())
    out += fmt::format("\nlayers.NAME.{}\n    {}\n    Default: {}. Must be {}.\n", k.name, k.help, k.fallback,
                       k.rule);
  out +=
      "\nsync.tables\n    The tables that are kept fresh, a map from name to keys; on top of the built-in "
      "ones, "
      "key by key.\n";
  for (const layer_key_help& k : sync_table_keys())
    out += fmt::format("\nsync.tables.NAME.{}\n    {}\n    Default: {}. Must be {}.\n", k.name, k.help,
                       k.fallback, k.rule);
  return out;
}

}  // namespace gridlight
