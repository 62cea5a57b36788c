#include "server/config_sync.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "server/config_values.hpp"

namespace gridlight {

std::string_view name(sync_mode m) noexcept {
  constexpr std::string_view names[] = {"full", "watermark", "changes", "push", "mirrored"};
  return names[static_cast<std::size_t>(m)];
}
std::string_view name(new_columns p) noexcept {
  constexpr std::string_view names[] = {"ignore", "add", "refuse"};
  return names[static_cast<std::size_t>(p)];
}
std::string_view name(swap_rule r) noexcept {
  return r == swap_rule::merge ? "merge" : "auto";
}

std::string_view name(foreign_writes f) noexcept {
  return f == foreign_writes::accept ? "accept" : "warn";
}

namespace config_detail {
namespace {

struct reading {
  yaml_reader& yaml;
  sync_table_config& table;
};

template <class Fits>
void store_text(reading& r, const entry& e, std::string& member, Fits fits) {
  const auto text = r.yaml.scalar(e);
  if (!text) return;
  if (!fits(*text)) return r.yaml.refuse(e, *text);
  member = *text;
}

void store_identifier(reading& r, const entry& e, std::string& member) {
  store_text(r, e, member, is_identifier);
}

bool is_sql(std::string_view text) {
  return !text.empty() && text.size() <= 100'000 && text.find('\0') == text.npos;
}

// A name as SQL has it, of up to three parts.
bool is_relation(std::string_view text) {
  return is_identifier(text.substr(0, 63)) && text.size() <= 255 && text.find_first_of(";()'") == text.npos;
}

template <class Enum>
void store_name(reading& r, const entry& e, Enum& member, Enum last) {
  const auto text = r.yaml.scalar(e);
  if (!text) return;
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (name(static_cast<Enum>(i)) == *text) {
      member = static_cast<Enum>(i);
      return;
    }
  r.yaml.refuse(e, *text);
}

void store_schedule(reading& r, const entry& e, schedule_text& member) {
  schedule_text out;
  const auto take = [&](const entry& at) {
    const auto text = r.yaml.scalar(at);
    if (!text) return false;
    if (*text == "off") return true;
    if (!is_schedule(*text)) {
      r.yaml.refuse(at, *text);
      return false;
    }
    if (const auto every = read_duration(*text))
      out.every = *every;
    else
      out.cron = *text;
    return true;
  };
  if (!e.node.IsMap()) {
    if (take(e)) member = out;
    return;
  }
  for (const auto& [key, node] : r.yaml.pairs(e.name, e.node)) {
    if (key == "cron") {
      if (!take({e.name + ".cron", "a cron line of five fields such as 0 4 * * *", false, node})) return;
    } else if (key == "timezone") {
      const entry inner{e.name + ".timezone", "UTC or a name such as America/Chicago", false, node};
      store_text(r, inner, out.timezone, [](std::string_view t) { return !t.empty() && is_zone_name(t); });
    } else {
      r.yaml.fault(node, unknown("key", e.name + "." + key, {e.name + ".cron", e.name + ".timezone"}));
    }
  }
  if (out.cron.empty()) return r.yaml.fault(e.node, e.name + " needs cron");
  member = out;
}

void store_columns(reading& r, const entry& e) {
  sync_table_config& t = r.table;
  t.columns.clear();
  if (!e.node.IsMap()) {
    const auto names = r.yaml.list(e);
    if (!names) return;
    for (const std::string& n : *names) {
      if (!is_identifier(n)) return r.yaml.refuse(e, n);
      t.columns.emplace_back(n, "");
    }
    t.only_columns = true;
    return;
  }
  t.only_columns = false;
  for (const auto& [key, node] : r.yaml.pairs(e.name, e.node)) {
    const auto sql = r.yaml.scalar({e.name + "." + key, "an SQL expression of the source", false, node});
    if (!sql) continue;
    if (!is_identifier(key) || !is_sql(*sql)) return r.yaml.fault(node, e.name + "." + key + " is empty");
    t.columns.emplace_back(key, *sql);
  }
}

void store_duration(reading& r, const entry& e, std::chrono::milliseconds& member) {
  const auto text = r.yaml.scalar(e);
  if (!text) return;
  const auto d = read_duration(*text);
  if (!d || *d > std::chrono::hours{24 * 14}) return r.yaml.refuse(e, *text);
  member = *d;
}

void store_whole(reading& r, const entry& e, std::int64_t& member, std::int64_t least, std::int64_t most) {
  const auto text = r.yaml.scalar(e);
  if (!text) return;
  const auto n = read_integer(*text);
  if (!n || *n < least || *n > most) return r.yaml.refuse(e, *text);
  member = *n;
}

struct table_key {
  layer_key_help help;
  void (*store)(reading&, const entry&);
};

constexpr std::array keys{
    table_key{{"enabled", "true or false", "true", "false leaves the table as it is."},
              [](reading& r, const entry& e) {
                const auto text = r.yaml.scalar(e);
                if (!text) return;
                const auto b = read_boolean(*text);
                if (!b) return r.yaml.refuse(e, *text);
                r.table.enabled = *b;
              }},
    table_key{{"mode", "one of full, watermark, changes, push, mirrored", "full",
               "full: all rows are read and compared; watermark: rows whose watermark column grew; changes: "
               "Snowflake's change tracking; push: from Postgres to Snowflake; mirrored: all rows of a table "
               "in another Postgres."},
              [](reading& r, const entry& e) { store_name(r, e, r.table.mode, sync_mode::mirrored); }},
    table_key{{"layer", "a layer's name", "the table's name here", "Whose table is kept."},
              [](reading& r, const entry& e) { store_identifier(r, e, r.table.layer); }},
    table_key{{"table", "SCHEMA.TABLE in Postgres", "the layer's", "Instead of a layer."},
              [](reading& r, const entry& e) {
                std::string text;
                store_text(r, e, text, is_relation);
                const auto dot = text.find('.');
                r.table.schema = dot == text.npos ? "public" : text.substr(0, dot);
                r.table.table = dot == text.npos ? text : text.substr(dot + 1);
              }},
    table_key{{"source", "a table's or view's name, as the source writes it", "none",
               "What is read; of push, nothing: the layer's table is."},
              [](reading& r, const entry& e) { store_text(r, e, r.table.source, is_relation); }},
    table_key{{"target", "a table's name, as Snowflake writes it", "none", "Of push: where rows go."},
              [](reading& r, const entry& e) { store_text(r, e, r.table.target, is_relation); }},
    table_key{{"connection", "a URI or key=value list that libpq understands", "none",
               "Of mirrored: the Postgres that has the source."},
              [](reading& r, const entry& e) {
                const auto text = r.yaml.scalar(e);
                if (!text) return;
                if (!is_connection_string(*text)) return r.yaml.refuse(e, *text);
                r.table.connection = secret{*text};
              }},
    table_key{{"key", "a column's name or a list of them", "the layer's", "What tells rows apart."},
              [](reading& r, const entry& e) {
                const auto list = r.yaml.list(e);
                if (!list) return;
                for (const std::string& k : *list)
                  if (!is_identifier(k)) return r.yaml.refuse(e, k);
                r.table.key = *list;
              }},
    table_key{{"watermark", "a column's name, as the source writes it", "none",
               "Of watermark and push: the column that grows with each change of a row."},
              [](reading& r, const entry& e) { store_identifier(r, e, r.table.watermark); }},
    table_key{{"columns", "a list of columns, or a map from column to SQL of the source",
               "all columns of the table, by name",
               "A list: these and no others. A map: where a column comes from; the others by name."},
              store_columns},
    table_key{{"where", "an SQL condition of the source", "none", "Which rows of the source."},
              [](reading& r, const entry& e) { store_text(r, e, r.table.where, is_sql); }},
    table_key{
        {"transform", "a SELECT in the source's SQL", "none", "What is read instead of source and where."},
        [](reading& r, const entry& e) { store_text(r, e, r.table.transform, is_sql); }},
    table_key{
        {"timezone", "UTC, an offset such as -06:00, or a name such as America/Chicago", "none",
         "Zone of the source's times that have none (TIMESTAMP_NTZ); without it such a table is refused."},
        [](reading& r, const entry& e) { store_text(r, e, r.table.timezone, is_zone_name); }},
    table_key{{"batch_size", "a whole number between 1 and 100000", "2000",
               "Rows a step: of mirrored, those fetched at once; of push, those of a MERGE."},
              [](reading& r, const entry& e) { store_whole(r, e, r.table.batch_size, 1, 100'000); }},
    table_key{
        {"schedule",
         "an interval such as 5m, a cron line of five fields such as 0 4 * * *, {cron, timezone}, or off",
         "5m", "When serve runs it."},
        [](reading& r, const entry& e) { store_schedule(r, e, r.table.schedule); }},
    table_key{{"reconcile", "an interval such as 24h, a cron line of five fields, {cron, timezone}, or off",
               "24h", "Of watermark and changes: when all rows are read and compared."},
              [](reading& r, const entry& e) { store_schedule(r, e, r.table.reconcile); }},
    table_key{{"overlap", "a time such as 10m, at most 336h", "10m",
               "Of watermark and push: how far before the mark rows are read again; the longest transaction "
               "of a writer."},
              [](reading& r, const entry& e) { store_duration(r, e, r.table.overlap); }},
    table_key{{"max_errors", "a whole number between 0 and 1000000", "0",
               "Bad rows that a run may leave out; one more and nothing changes."},
              [](reading& r, const entry& e) { store_whole(r, e, r.table.max_errors, 0, 1'000'000); }},
    table_key{{"min_share", "a number between 0 and 1", "0.8",
               "Least part of the rows that a full run must leave. 0: any; none at all is then confirmed by "
               "a count at the source."},
              [](reading& r, const entry& e) {
                const auto text = r.yaml.scalar(e);
                if (!text) return;
                const auto n = read_number(*text);
                if (!n || *n < 0 || *n > 1) return r.yaml.refuse(e, *text);
                r.table.min_share = *n;
              }},
    table_key{{"new_columns", "one of ignore, add, refuse", "ignore",
               "Columns that the source has and the table has not; add: nullable ones come into the table."},
              [](reading& r, const entry& e) { store_name(r, e, r.table.added, new_columns::refuse); }},
    table_key{
        {"swap", "one of auto, merge", "auto",
         "merge: the table itself is changed, row by row, whatever the number; for tables that views or "
         "foreign keys hang on."},
        [](reading& r, const entry& e) { store_name(r, e, r.table.swap, swap_rule::merge); }},
    table_key{{"foreign_writes", "one of warn, accept", "warn",
               "When others than runs change the table: warn logs each, with its version and writer; accept "
               "says nothing."},
              [](reading& r, const entry& e) { store_name(r, e, r.table.foreign, foreign_writes::accept); }},
};

void read_one(yaml_reader& yaml, const std::string& name, const YAML::Node& node, sync_table_config& table) {
  reading r{yaml, table};
  const std::string prefix = "sync.tables." + name;
  for (const auto& [key, value] : yaml.pairs(prefix, node)) {
    const auto row =
        std::find_if(keys.begin(), keys.end(), [&k = key](const table_key& t) { return t.help.name == k; });
    if (row != keys.end()) {
      row->store(r, {prefix + "." + key, row->help.rule, key == "connection", value});
      continue;
    }
    std::vector<std::string> known;
    for (const table_key& k : keys)
      known.push_back(prefix + "." + std::string{k.help.name});
    yaml.fault(value, unknown("key", prefix + "." + key, known));
  }
}

}  // namespace

std::span<const layer_key_help> sync_table_keys() {
  static const auto all = [] {
    std::vector<layer_key_help> out;
    for (const table_key& k : keys)
      out.push_back(k.help);
    return out;
  }();
  return all;
}

void read_sync_tables(yaml_reader& yaml, const YAML::Node& node, std::vector<sync_table_config>& tables,
                      std::vector<std::pair<std::string, YAML::Node>>& seen) {
  for (const auto& [name, value] : yaml.pairs("sync.tables", node)) {
    if (!is_layer_name(name)) {
      yaml.fault(value,
                 fmt::format("{} is no name for a table under sync.tables; it must be a letter a to z, "
                             "then at most 59 of a to z, 0 to 9 and _",
                             name.empty() ? "\"\"" : shown(name)));
      continue;
    }
    auto at = std::find_if(tables.begin(), tables.end(), [&n = name](const auto& t) { return t.name == n; });
    if (at == tables.end()) {
      at = tables.insert(tables.end(), sync_table_config{});
      at->name = name;
    }
    read_one(yaml, name, value, *at);
    seen.emplace_back(name, value);
  }
}

}  // namespace config_detail
}  // namespace gridlight
