#include "api/substation_status.hpp"

#include "api/circuit_summary.hpp"
#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/stale.hpp"
#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

// An empty answer is one row with the versions and nulls.
constexpr std::string_view sql = R"(
SELECT v.*, f.*
FROM (SELECT {substations.version} AS substations_version, {circuits.version} AS circuits_version) v
LEFT JOIN LATERAL (
  SELECT s.substation_id, s.substation_name, c.circuit_count, c.avg_load, c.avg_health, c.worst_load, c.worst_health,
         c.critical, c.warning, c.without_data, c.last_updated, c.as_of
  FROM {substations} s LEFT JOIN {circuits_by_substation} c USING (substation_id)) f ON true
ORDER BY f.worst_load DESC NULLS LAST, f.substation_id)";

enum column : int { substations_version, circuits_version, substation_id, substation_name, summary };

std::optional<std::int64_t> version(const postgres::result_set& rows, int column) {
  if (rows.rows() == 0 || rows.is_null(0, column)) return std::nullopt;
  return rows.integer(0, column);
}

std::string write(const postgres::result_set& rows) {
  constexpr std::size_t bytes_a_row = 400;
  std::string out;
  out.reserve(static_cast<std::size_t>(rows.rows()) * bytes_a_row + 2);
  out += '[';
  for (int row = 0; row < rows.rows(); ++row) {
    if (rows.is_null(row, substation_id)) continue;
    if (out.size() > 1) out += ',';
    append_substation_status(out, rows, row);
  }
  return out += ']';
}

http::response kept_response(const http::request& req, const answer_cache::answer& kept) {
  auto out = data_response(req, http::content_type::json, {},
                           {{substations_layer, kept.versions[0]}, {circuits_layer, kept.versions[1]}});
  out.shared = kept.body;
  out.packed = kept.packed;
  return out;
}

}  // namespace

std::string_view substation_status_sql() noexcept {
  return sql;
}

bool append_substation_status(std::string& out, const postgres::result_set& rows, int row, std::string* id) {
  if (rows.is_null(row, substation_id)) return false;
  out += R"({"substation_id":)";
  const std::size_t from = out.size();
  append_json_string(out, rows.text(row, substation_id));
  if (id != nullptr) *id = out.substr(from);
  out += R"(,"substation_name":)";
  if (rows.is_null(row, substation_name))
    out += "null";
  else
    append_json_string(out, rows.text(row, substation_name));
  out += ',';
  circuit_summary{rows, row, summary}.append_members(out);
  out += '}';
  return true;
}

// GET /api/postgres/substations/status
answer_t substation_status(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto catalog = loaded_catalog(s);
  if (!catalog) co_return catalog.error();
  const auto statement = s.grid.get(*catalog, sql);
  if (!statement) co_return statement.error();
  if (auto same = unchanged(s, req, http::content_type::json, {substations_layer, circuits_layer}))
    co_return *std::move(same);
  if (const auto* kept =
          s.answers.find(sql, (*statement)->id(), s.versions, {substations_layer, circuits_layer}))
    co_return kept_response(req, *kept);

  const std::uint64_t history = s.versions == nullptr ? 0 : s.versions->history();
  const postgres::arguments none;
  const auto rows = co_await s.pool.query(postgres::lane::lookup, **statement, none, req.until,
                                          req.timing.postgres, postgres::share::yes, req.rank());
  if (!rows) {
    const auto* kept = s.answers.last(sql, (*statement)->id(), s.versions);
    if (kept == nullptr || !database_away(rows.error().code) || !may_be_stale(s)) co_return rows.error();
    auto out = kept_response(req, *kept);
    label_stale(s, out);
    co_return out;
  }
  const auto start = steady::now();
  std::string body = write(*rows);
  const auto of_substations = version(*rows, substations_version),
             of_circuits = version(*rows, circuits_version);
  if (of_substations && of_circuits) {
    const auto& kept =
        s.answers.keep(sql, (*statement)->id(), {*of_substations, *of_circuits}, history, std::move(body));
    req.timing.encode_ms += ms_since(start);
    co_return kept_response(req, kept);
  }
  req.timing.encode_ms += ms_since(start);
  co_return data_response(req, http::content_type::json, std::move(body),
                          {{substations_layer, of_substations}, {circuits_layer, of_circuits}});
}

}  // namespace gridlight::api
