// The report of `gridlight check`, for people and for programs.
#include <fmt/format.h>

#include <algorithm>

#include "server/log_text.hpp"
#include "sync/check.hpp"

namespace gridlight::sync {
namespace {

using row = std::vector<std::string>;

// How wide a text is on a terminal, near enough: its characters.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string printable(std::string_view text) {
  std::string out;
  log::append_escaped(out, text, log::escaping::message);
  return out;
}

// Columns side by side, two blanks between and two before.
std::string aligned(std::vector<row> rows) {
  std::vector<std::size_t> widest;
  for (row& r : rows) {
    widest.resize(std::max(widest.size(), r.size()));
    for (std::size_t i = 0; i < r.size(); ++i) {
      r[i] = printable(r[i]);
      widest[i] = std::max(widest[i], width(r[i]));
    }
  }
  std::string out;
  for (const row& r : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < r.size(); ++i) {
      line += " " + r[i];
      if (i + 1 < r.size()) line.append(widest[i] - width(r[i]) + 1, ' ');
    }
    out += line + "\n";
  }
  return out;
}

std::string pairs(const std::vector<std::pair<std::string, std::string>>& all) {
  std::vector<row> rows;
  for (const auto& [name, value] : all)
    rows.push_back({name, value});
  return aligned(std::move(rows));
}

std::string rows_text(const layer_check& l) {
  if (!l.rows) return "unknown";
  return fmt::format("{}{}", l.rows_estimated ? "about " : "", *l.rows);
}

std::string layer_lines(const check_report& report) {
  std::vector<row> rows{{"layer", "mode", "table", "rows", "version", "indexes"}};
  for (const layer_check& l : report.layers)
    rows.push_back({l.name, l.mode, l.table, rows_text(l),
                    l.version ? fmt::format("{}", *l.version) : "unknown", l.indexes});
  return aligned(std::move(rows));
}

// The remedy goes on lines of its own, so that it can be pasted.
std::string findings(const std::vector<finding>& all) {
  std::string out;
  for (const finding& f : all) {
    out += fmt::format("  - {}{}{}\n", f.layer, f.layer.empty() ? "" : ": ", printable(f.what));
    for (std::string_view rest = f.remedy; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      out += fmt::format("      {}\n", printable(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  log::append_escaped(out, text, log::escaping::json);
  return out + '"';
}

std::string json_pairs(const std::vector<std::pair<std::string, std::string>>& all) {
  std::vector<std::string> items;
  for (const auto& [name, value] : all)
    items.push_back(fmt::format("\n    {}: {}", json_text(name), json_text(value)));
  return fmt::format("{{{}\n  }}", fmt::join(items, ","));
}

std::string json_layers(const std::vector<layer_check>& all) {
  const auto number = [](const std::optional<std::int64_t>& n) { return n ? fmt::format("{}", *n) : "null"; };
  std::vector<std::string> items;
  for (const layer_check& l : all)
    items.push_back(
        fmt::format("\n    {{\"name\": {}, \"mode\": {}, \"table\": {}, \"rows\": {}, \"rows_estimated\": "
                    "{}, \"version\": {}, "
                    "\"indexes\": {}}}",
                    json_text(l.name), json_text(l.mode), json_text(l.table), number(l.rows),
                    l.rows_estimated, number(l.version), json_text(l.indexes)));
  return fmt::format("[{}\n  ]", fmt::join(items, ","));
}

std::string json_findings(const std::vector<finding>& all) {
  if (all.empty()) return "[]";
  std::vector<std::string> items;
  for (const finding& f : all)
    items.push_back(fmt::format("\n    {{\"layer\": {}, \"what\": {}, \"remedy\": {}}}",
                                f.layer.empty() ? "null" : json_text(f.layer), json_text(f.what),
                                json_text(f.remedy)));
  return fmt::format("[{}\n  ]", fmt::join(items, ","));
}

}  // namespace

std::string as_text(const check_report& report) {
  std::string out = "database\n" + pairs(report.database);
  if (!report.schema.empty()) out += "schema\n  " + printable(report.schema) + "\n";
  if (!report.settings.empty()) out += "session settings\n" + pairs(report.settings);
  if (!report.layers.empty()) out += "layers\n" + layer_lines(report);
  if (!report.notes.empty()) out += "notes\n" + findings(report.notes);
  if (report.ok()) return out + "all is well\n";
  return out + fmt::format("{} problem{}\n", report.problems.size(), report.problems.size() == 1 ? "" : "s") +
         findings(report.problems);
}

std::string as_json(const check_report& report) {
  return fmt::format(
      "{{\n  \"ok\": {},\n  \"database\": {},\n  \"schema\": {},\n  \"settings\": {},\n  \"layers\": {},\n  "
      "\"problems\": {},\n  \"notes\": {}\n}}\n",
      report.ok(), json_pairs(report.database), json_text(report.schema), json_pairs(report.settings),
      json_layers(report.layers), json_findings(report.problems), json_findings(report.notes));
}

}  // namespace gridlight::sync
