#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/value_writer.hpp"
#include "geo/decimal.hpp"
#include "server/config_sync.hpp"
#include "server/cron.hpp"

namespace gridlight::api {
namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":");
  append_json_string(out, text);
}

void given_member(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) member(out, name, text);
}

void number_member(std::string& out, std::string_view name, double value, int decimals = 3) {
  out.append(",\"").append(name).append("\":");
  geo::append_decimal(out, value, decimals);
}

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

void schedule_member(std::string& out, std::string_view name, const schedule_text& s) {
  out.append(",\"").append(name).append("\":");
  if (s.never()) {
    out += "null";
  } else if (s.cron.empty()) {
    out += R"({"every_s":)";
    geo::append_decimal(out, seconds(s.every), 3);
    number_member(out, "longest_pause_s", seconds(s.every));
    out += '}';
  } else {
    out += '{';
    member(out, "cron", s.cron);
    member(out, "timezone", s.timezone);
    const auto line = cron_line::read(s.cron);
    if (const auto pause = line ? line->longest_pause() : std::nullopt)
      number_member(out, "longest_pause_s", seconds(*pause), 0);
    out += '}';
  }
}

// What tells of the source and its SQL is for those who may change data.
void append_source(std::string& out, const sync_table_config& t) {
  given_member(out, "source", t.source);
  given_member(out, "target", t.target);
  given_member(out, "watermark", t.watermark);
  given_member(out, "where", t.where);
  given_member(out, "transform", t.transform);
  if (!t.connection.empty()) member(out, "connection", "***");
  if (t.columns.empty()) return;
  out += R"(,"columns":{)";
  for (const auto& [column, sql] : t.columns)
    member(out, column, sql);
  out += '}';
}

void append_table(std::string& out, const config& c, const sync_table_config& t, bool whole) {
  out += '{';
  member(out, "name", t.name);
  if (t.table.empty())
    member(out, "layer", t.layer.empty() ? t.name : t.layer);
  else
    member(out, "table", t.schema + "." + t.table);
  member(out, "mode", name(t.mode));
  member(out, "direction", t.mode == sync_mode::push ? "push" : "pull");
  out += R"(,"in_force":)";
  out += c.sync.enabled && config_detail::in_force(c, t) ? "true" : "false";
  schedule_member(out, "schedule", t.schedule);
  schedule_member(out, "reconcile", t.reconcile);
  number_member(out, "overlap_s", seconds(t.overlap));
  number_member(out, "batch_size", static_cast<double>(t.batch_size), 0);
  number_member(out, "max_errors", static_cast<double>(t.max_errors), 0);
  number_member(out, "min_share", t.min_share);
  member(out, "new_columns", name(t.added));
  member(out, "swap", name(t.swap));
  member(out, "foreign_writes", name(t.foreign));
  given_member(out, "timezone", t.timezone);
  if (whole) append_source(out, t);
  out += '}';
}

void append_snowflake(std::string& out, const sync_settings::snowflake_settings& s, bool whole) {
  out += R"({"configured":)";
  out += s.configured() ? "true" : "false";
  if (whole && s.configured()) {
    given_member(out, "account", s.account);
    given_member(out, "host", s.host);
    number_member(out, "port", s.port, 0);
    given_member(out, "user", s.user);
    member(out, "credentials", !s.private_key_file.empty() ? "key_pair" : s.token_type);
    given_member(out, "warehouse", s.warehouse);
    given_member(out, "database", s.database);
    given_member(out, "schema", s.schema);
    given_member(out, "role", s.role);
  }
  out += '}';
}

}  // namespace

// GET /api/postgres/sync/settings
answer_t sync_settings_route(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const bool whole = req.who.allowed.has(identity::scope::write);
  const config& c = s.settings;
  http::response out;
  out.cache_control = "no-store";
  out.body = R"({"enabled":)";
  out.body += c.sync.enabled ? "true" : "false";
  number_member(out.body, "keep_previous_s", seconds(c.sync.keep_previous));
  number_member(out.body, "run_timeout_s", seconds(c.sync.run_timeout));
  member(out.body, "reaper", c.sync.reaper);
  number_member(out.body, "reaper_after_s", seconds(c.sync.reaper_after));
  out.body += R"(,"snowflake":)";
  append_snowflake(out.body, c.sync.snowflake, whole);
  out.body += R"(,"tables":[)";
  for (const sync_table_config& t : c.sync.tables) {
    if (!t.given && !config_detail::in_force(c, t)) continue;
    if (out.body.back() != '[') out.body += ',';
    append_table(out.body, c, t, whole);
  }
  out.body += "]}";
  co_return out;
}

}  // namespace gridlight::api
