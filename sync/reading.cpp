#include "sync/reading.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gridlight::sync {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

const source_column* find(const std::vector<source_column>& has, std::string_view name) {
  for (const source_column& c : has)
    if (c.name == name) return &c;
  for (const source_column& c : has)
    if (same_name(c.name, name)) return &c;
  return nullptr;
}

bool fits(column_kind kind, value_class holds) {
  using k = column_kind;
  const auto is = [&](std::initializer_list<k> all) {
    return std::find(all.begin(), all.end(), kind) != all.end();
  };
  switch (holds) {
    case value_class::number:
      return is({k::int2, k::int4, k::int8, k::float4, k::float8, k::numeric, k::text});
    case value_class::text:
      return is({k::text, k::uuid, k::json, k::jsonb, k::geometry});
    case value_class::boolean:
      return is({k::boolean, k::text});
    case value_class::date:
      return is({k::date, k::text});
    case value_class::time:
      return is({k::time, k::text});
    case value_class::local_time:
    case value_class::instant:
      return is({k::timestamp, k::timestamptz, k::text});
    case value_class::bytes:
      return is({k::bytea, k::geometry, k::text});
    case value_class::json:
      return is({k::json, k::jsonb, k::text, k::geometry});
    case value_class::geometry:
      return is({k::geometry, k::text});
    case value_class::other:
      break;
  }
  return kind == k::text;
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

std::string reading::sql(std::string_view more, std::string_view condition, std::string_view order,
                         std::string_view of) const {
  std::string out = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i)
    out.append(i == 0 ? "" : ", ").append(columns[i].expression);
  out.append(more).append(" FROM ").append(of.empty() ? std::string_view{relation} : of);
  out.append(" AS gridlight_source");
  if (!where.empty()) out.append(" WHERE (").append(where).append(")");
  if (!condition.empty()) out.append(where.empty() ? " WHERE " : " AND ").append(condition);
  if (!order.empty()) out.append(" ORDER BY ").append(order);
  return out;
}

std::string relation_of(const table_plan& plan) {
  return plan.config.transform.empty() ? plan.config.source : "(" + plan.config.transform + ")";
}

result<reading> make_reading(const table_plan& plan, const source& from,
                             const std::vector<source_column>& has, const std::vector<target_column>& wants) {
  const sync_table_config& t = plan.config;
  reading out;
  out.relation = relation_of(plan);
  out.where = t.where;
  std::vector<std::string> wrong;
  const auto configured = [&](std::string_view name) {
    return std::find_if(t.columns.begin(), t.columns.end(), [&](const auto& c) { return c.first == name; });
  };
  for (const auto& [name, sql] : t.columns) {
    const target_column* target = find_column(wants, name);
    if (target == nullptr)
      wrong.push_back(fmt::format("{}.{} has no column {}", plan.schema, plan.table, name));
    else if (target->generated)
      wrong.push_back(fmt::format("{} is computed by Postgres and cannot be filled", name));
  }
  for (const target_column& target : wants) {
    if (target.generated) continue;
    const auto own = configured(target.name);
    if (own != t.columns.end() && !own->second.empty()) {
      out.columns.push_back({target.name, own->second, true});
      continue;
    }
    if (own == t.columns.end() && t.only_columns) {
      out.covers_table = out.covers_table && target.has_default;
      continue;
    }
    if (const source_column* column = find(has, target.name)) {
      out.columns.push_back({target.name, from.column_sql(*column, t.timezone), false});
      continue;
    }
    if (target.has_default && own == t.columns.end()) {
      out.covers_table = false;
      continue;
    }
    wrong.push_back(fmt::format("the source has no column {}", target.name));
  }
  for (const std::string& k : plan.key)
    if (std::none_of(out.columns.begin(), out.columns.end(), [&](const auto& c) { return c.target == k; }) &&
        find_column(wants, k) == nullptr)
      wrong.push_back(fmt::format("{}.{} has no column {}, which is in the key", plan.schema, plan.table, k));
  for (const source_column& column : has) {
    const bool known = std::any_of(wants.begin(), wants.end(),
                                   [&](const auto& w) { return same_name(w.name, column.name); });
    if (known || t.added == new_columns::ignore || t.only_columns || !t.columns.empty()) continue;
    if (t.added == new_columns::refuse)
      wrong.push_back(fmt::format("the source has a new column {} ({})", column.name, column.type));
    else if (column.nullable)
      out.added.push_back(column);
  }
  if (wrong.empty()) return out;
  return failure{errc::schema_mismatch,
                 fmt::format("sync.tables.{}: source and table differ: {}; say in columns or transform where "
                             "they come from",
                             plan.name(), joined(wrong))};
}

result<void> check_kinds(const table_plan& plan, const reading& r, const std::vector<source_column>& got,
                         const std::vector<target_column>& wants) {
  std::vector<std::string> wrong;
  if (got.size() < r.columns.size())
    return failure{errc::internal, fmt::format("the source gave {} columns where {} were asked for",
                                               got.size(), r.columns.size())};
  const bool named_zone = is_named_zone(plan.config.timezone);
  for (std::size_t i = 0; i < r.columns.size(); ++i) {
    const target_column* target = find_column(wants, r.columns[i].target);
    if (target == nullptr) continue;
    if (!fits(target->kind, got[i].holds)) {
      wrong.push_back(fmt::format("{} is {} ({}), which {} ({}) cannot take", r.columns[i].expression,
                                  name(got[i].holds), got[i].type, target->name, target->type));
      continue;
    }
    const bool local = got[i].holds == value_class::local_time && target->kind == column_kind::timestamptz;
    if (local && plan.config.timezone.empty())
      wrong.push_back(fmt::format("{} is a time without a zone: say in timezone which it is of",
                                  r.columns[i].expression));
    if (local && named_zone && r.columns[i].own)
      wrong.push_back(fmt::format("{} gives a time without a zone: let it give one with (TIMESTAMP_LTZ)",
                                  r.columns[i].expression));
  }
  if (wrong.empty()) return {};
  return failure{errc::schema_mismatch,
                 fmt::format("sync.tables.{}: source and table differ: {}", plan.name(), joined(wrong))};
}

}  // namespace gridlight::sync
