#include <algorithm>
#include <limits>

#include "api/common.hpp"
#include "api/cursor.hpp"
#include "api/handlers.hpp"
#include "api/sync_run_row.hpp"
#include "api/value_check.hpp"
#include "api/value_writer.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

// $1, $2: the run that the page before ended with. $3: how many. $4: the layer.
postgres::statement make_statement(bool of_layer) {
  std::string sql =
      "SELECT " + run_columns("r") + " FROM gridlight.sync_run r WHERE (started_at, run_id) < ($1, $2)";
  if (of_layer) sql += " AND layer = $4";
  sql += " ORDER BY started_at DESC, run_id DESC LIMIT $3";
  std::vector<Oid> parameters{oid::timestamptz, oid::int8, oid::int8};
  if (of_layer) parameters.push_back(oid::text);
  return postgres::statement{std::move(sql), std::move(parameters)};
}

const postgres::statement& statement_for(bool of_layer) {
  static const postgres::statement all = make_statement(false), one = make_statement(true);
  return of_layer ? one : all;
}

struct question {
  std::optional<std::string_view> layer;
  std::int64_t limit = 0;
  std::string started = "infinity";
  std::string run = std::to_string(std::numeric_limits<std::int64_t>::max());
};

// A cursor goes on with the runs of one layer, or of all.
std::uint64_t number_of(const question& ask) {
  return hash64(ask.layer.value_or(""), hash64("sync/runs"));
}

bool is_run(const std::vector<std::string>& key) {
  return is_value_of(oid::timestamptz, key[0]) && is_value_of(oid::int8, key[1]);
}

question read_question(http::parameters& q, const config::limit_settings& limits) {
  question ask;
  ask.layer = q.text("layer");
  ask.limit = read_limit(q, limits);
  const auto cursor = q.text("cursor");
  if (!cursor) return ask;
  if (const auto key = read_cursor(*cursor, number_of(ask), 2); key && is_run(*key)) {
    ask.started = (*key)[0];
    ask.run = (*key)[1];
  } else {
    q.fail("cursor", "cursor is not one that these runs gave out; start again without it");
  }
  return ask;
}

// A layer, or a table of sync.tables that is none.
std::optional<failure> unknown_layer(const catalog& all, const sync_settings& sync, std::string_view name) {
  std::vector<std::string_view> known;
  for (const layer& l : all.layers())
    known.push_back(l.config.name);
  for (const auto& broken : all.broken())
    known.push_back(broken.name);
  for (const sync_table_config& t : sync.tables)
    if (t.given && std::find(known.begin(), known.end(), t.name) == known.end()) known.push_back(t.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return std::nullopt;
  std::string list;
  for (const std::string_view k : known)
    list.append(list.empty() ? "" : ", ").append(k);
  return failure{errc::bad_parameter, "layer is " + http::shown(name) + "; it must be one of " + list,
                 "layer"};
}

std::string next_url(const services& s, const question& ask, const std::string& cursor) {
  std::string out = s.settings.http.base_path + "/api/postgres/sync/runs?";
  if (ask.layer) out += "layer=" + percent_encode(*ask.layer) + "&";
  return out + "limit=" + std::to_string(ask.limit) + "&cursor=" + cursor;
}

std::string text_of(const postgres::result_set& rows, int row, int column) {
  std::string out;
  append_text_value(out, rows.type(column), rows.text(row, column));
  return out;
}

std::string page_of(const services& s, const question& ask, const postgres::result_set& rows, bool whole) {
  const int shown = static_cast<int>(std::min<std::int64_t>(rows.rows(), ask.limit));
  std::string out = R"({"runs":[)";
  for (int row = 0; row < shown; ++row) {
    if (row > 0) out += ',';
    append_run(out, rows, row, 0, whole);
  }
  out += R"(],"numberReturned":)" + std::to_string(shown) + R"(,"links":[)";
  if (rows.rows() > shown) {
    constexpr int run_id = 0, started_at = 5;
    const std::vector<std::string> last{text_of(rows, shown - 1, started_at),
                                        text_of(rows, shown - 1, run_id)};
    out += R"({"rel":"next","type":"application/json","href":)";
    append_json_string(out, next_url(s, ask, make_cursor(number_of(ask), last)));
    out += '}';
  }
  return out + "]}";
}

}  // namespace

// GET /api/postgres/sync/runs[?layer&limit&cursor]
answer_t sync_runs(services& s, http::request& req) {
  http::parameters q{req};
  const question ask = read_question(q, s.settings.limits);
  if (auto bad = q.fault()) co_return *bad;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  if (ask.layer)
    if (auto none = unknown_layer(**all, s.settings.sync, *ask.layer)) co_return *std::move(none);
  postgres::arguments values;
  values.add_text(ask.started).add_text(ask.run).add(ask.limit + 1);
  if (ask.layer) values.add_text(*ask.layer);
  auto found = co_await s.pool.query(postgres::lane::lookup, statement_for(ask.layer.has_value()), values,
                                     req.until, req.timing.postgres, postgres::share::no, req.rank());
  const auto rows = or_none(std::move(found));
  if (!rows) co_return rows.error();
  const bool whole = req.who.allowed.has(identity::scope::personal);
  req.audit.saw_personal = whole;
  http::response out;
  out.cache_control = "no-store";
  out.body = page_of(s, ask, *rows, whole);
  co_return out;
}

}  // namespace gridlight::api
