// A table of sync.tables as YAML.
#include <fmt/format.h>

#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight::config_detail {
namespace {

std::string schedule_value(const schedule_text& s) {
  if (s.never()) return "\"off\"";
  if (s.cron.empty()) return "\"" + show(s.every) + "\"";
  return fmt::format("{{cron: \"{}\", timezone: \"{}\"}}", s.cron, s.timezone);
}

}  // namespace

void dump_sync_table(std::string& out, const sync_table_config& t) {
  const auto quoted = [](std::string_view text) {
    std::string q = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '"' || c == '\\') q += '\\';
      if (c == '$' && text.substr(i + 1).starts_with('{')) q += '$';
      if (c == '\n')
        q += "\\n";
      else
        q += c;
    }
    return q + '"';
  };
  const auto line = [&](std::string_view key, std::string_view value) {
    out += fmt::format("      {}: {}\n", key, value);
  };
  const auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) line(key, quoted(value));
  };
  out += fmt::format("    {}:\n", t.name);
  line("enabled", t.enabled ? "true" : "false");
  line("mode", name(t.mode));
  text("layer", t.layer);
  if (!t.table.empty()) text("table", t.schema + "." + t.table);
  text("source", t.source);
  text("target", t.target);
  if (!t.connection.empty()) line("connection", "\"***\"");
  std::vector<std::string> parts;
  for (const std::string& k : t.key)
    parts.push_back(quoted(k));
  if (!parts.empty()) line("key", fmt::format("[{}]", fmt::join(parts, ", ")));
  text("watermark", t.watermark);
  parts.clear();
  for (const auto& [column, sql] : t.columns)
    parts.push_back(t.only_columns ? quoted(column) : quoted(column) + ": " + quoted(sql));
  if (!parts.empty())
    line("columns", t.only_columns ? fmt::format("[{}]", fmt::join(parts, ", "))
                                   : fmt::format("{{{}}}", fmt::join(parts, ", ")));
  text("where", t.where);
  text("transform", t.transform);
  text("timezone", t.timezone);
  line("batch_size", std::to_string(t.batch_size));
  line("schedule", schedule_value(t.schedule));
  line("reconcile", schedule_value(t.reconcile));
  line("overlap", t.overlap.count() == 0 ? "0s" : show(t.overlap));
  line("max_errors", std::to_string(t.max_errors));
  line("min_share", fmt::format("{}", t.min_share));
  line("new_columns", name(t.added));
  line("swap", name(t.swap));
  line("foreign_writes", name(t.foreign));
}

}  // namespace gridlight::config_detail
