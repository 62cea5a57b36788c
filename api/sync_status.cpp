#include <array>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/sync_run_row.hpp"
#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

// Of each layer: how fresh it is, its last run, and how often it has failed since it last went well.
std::string layers_sql() {
  std::string sql = R"(
SELECT s.layer, s.version, s.row_count, s.changed_at, s.source_synced_at,
       extract(epoch FROM now() - s.source_synced_at)::float8, ok.finished_at,
       (SELECT count(*) FROM gridlight.sync_run f WHERE f.layer = s.layer AND f.status = 'failed'
        AND f.started_at > coalesce(ok.started_at, '-infinity')), )";
  std::string_view rest = run_columns;
  for (std::size_t end = 0; end != rest.npos; rest.remove_prefix(end == rest.npos ? 0 : end + 2)) {
    end = rest.find(", ");
    const std::string_view one = rest.substr(0, end);
    if (one.starts_with("extract"))
      sql += "extract(epoch FROM r.finished_at - r.started_at)::float8";
    else
      sql.append("r.").append(one);
    if (end != rest.npos) sql += ", ";
  }
  return sql + R"(
FROM gridlight.layer_state s
LEFT JOIN LATERAL (SELECT * FROM gridlight.sync_run o WHERE o.layer = s.layer
                   ORDER BY o.started_at DESC, o.run_id DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT o.started_at, o.finished_at FROM gridlight.sync_run o
                   WHERE o.layer = s.layer AND o.status = 'success'
                   ORDER BY o.started_at DESC, o.run_id DESC LIMIT 1) ok ON true
ORDER BY s.layer)";
}

const postgres::statement& layers_statement() {
  static const postgres::statement s{layers_sql()};
  return s;
}

const postgres::statement& runs_statement() {
  static const postgres::statement s{"SELECT " + std::string{run_columns} +
                                     " FROM gridlight.sync_status ORDER BY started_at DESC, run_id DESC"};
  return s;
}

const postgres::statement& summary_statement() {
  static const postgres::statement s{
      "SELECT layer, runs, successes, failures, last_run, mean_duration_s, rows_written, rows_deleted, "
      "rows_rejected FROM gridlight.sync_summary ORDER BY layer"};
  return s;
}

constexpr std::array<std::string_view, 8> state_members{
    R"({"layer":)",        R"(,"version":)",          R"(,"row_count":)",
    R"(,"changed_at":)",   R"(,"source_synced_at":)", R"(,"lag_s":)",
    R"(,"last_success":)", R"(,"failures_since":)"};
constexpr std::array<std::string_view, 9> summary_members{
    R"({"layer":)",        R"(,"runs":)",         R"(,"successes":)",
    R"(,"failures":)",     R"(,"last_run":)",     R"(,"mean_duration_s":)",
    R"(,"rows_written":)", R"(,"rows_deleted":)", R"(,"rows_rejected":)"};

template <std::size_t N>
void append_row(std::string& out, const postgres::result_set& rows, int row,
                const std::array<std::string_view, N>& members) {
  for (std::size_t i = 0; i < N; ++i) {
    const int column = static_cast<int>(i);
    out += members[i];
    if (rows.is_null(row, column))
      out += "null";
    else
      append_json_value(out, rows.type(column), rows.text(row, column));
  }
}

boost::asio::awaitable<result<postgres::result_set>> ask(services& s, const http::request& req,
                                                         const postgres::statement& what,
                                                         postgres::query_timing& timing) {
  const postgres::arguments none;
  auto rows = co_await s.pool.query(postgres::lane::lookup, what, none, req.until, timing,
                                    postgres::share::no, req.rank());
  co_return or_none(std::move(rows));
}

void append_layers(std::string& out, const postgres::result_set& rows, const catalog& all, bool whole) {
  constexpr int run = state_members.size();
  for (int row = 0; row < rows.rows(); ++row) {
    // Tables made from a layer have states of their own; they are no layers.
    if (all.find(rows.text(row, 0)) == nullptr) continue;
    if (out.back() != '[') out += ',';
    append_row(out, rows, row, state_members);
    out += R"(,"last_run":)";
    if (rows.is_null(row, run))
      out += "null";
    else
      append_run(out, rows, row, run, whole);
    out += '}';
  }
}

}  // namespace

// GET /api/postgres/sync/status
answer_t sync_status(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  const auto layers = co_await ask(s, req, layers_statement(), req.timing.postgres);
  if (!layers) co_return layers.error();
  const auto runs = co_await ask(s, req, runs_statement(), req.timing.postgres);
  if (!runs) co_return runs.error();
  const bool whole = req.who.allowed.has(identity::scope::personal);
  req.audit.saw_personal = whole;
  http::response out;
  out.cache_control = "no-store";
  out.body = R"({"layers":[)";
  append_layers(out.body, *layers, **all, whole);
  out.body += R"(],"runs":[)";
  for (int row = 0; row < runs->rows(); ++row) {
    if (row > 0) out.body += ',';
    append_run(out.body, *runs, row, 0, whole);
  }
  out.body += "]}";
  co_return out;
}

// GET /api/postgres/sync/summary
answer_t sync_summary(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto rows = co_await ask(s, req, summary_statement(), req.timing.postgres);
  if (!rows) co_return rows.error();
  http::response out;
  out.cache_control = "no-store";
  out.body = R"({"days":7,"layers":[)";
  for (int row = 0; row < rows->rows(); ++row) {
    if (row > 0) out.body += ',';
    append_row(out.body, *rows, row, summary_members);
    out.body += '}';
  }
  out.body += "]}";
  co_return out;
}

}  // namespace gridlight::api
