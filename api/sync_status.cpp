#include <array>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/sync_run_row.hpp"
#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

// Of each layer: how fresh it is, its last run, and how often it has failed since it last went well.
// $1, $2: a layer and the name under which its table's runs are recorded, where that is another.
// Each name is looked up by itself, so that the index ends the search at its first row.
std::string layers_sql() {
  return R"(
SELECT s.layer, s.version, s.row_count, s.changed_at, s.source_synced_at,
       extract(epoch FROM now() - s.source_synced_at)::float8, ok.finished_at,
       (SELECT count(*) FROM unnest(n.names) m(name) JOIN gridlight.sync_run f ON f.layer = m.name
        WHERE f.direction = 'pull' AND f.status = 'failed' AND f.started_at > coalesce(ok.started_at, '-infinity')),
       )" +
         run_columns("r") + R"(
FROM gridlight.layer_state s
CROSS JOIN LATERAL (SELECT array_agg(u.name) || s.layer::text AS names
                    FROM unnest($1::text[], $2::text[]) u(layer, name) WHERE u.layer = s.layer) n
LEFT JOIN LATERAL (
  SELECT o.* FROM unnest(n.names) m(name) CROSS JOIN LATERAL (
    SELECT * FROM gridlight.sync_run WHERE layer = m.name AND direction = 'pull'
    ORDER BY started_at DESC, run_id DESC LIMIT 1) o
  ORDER BY o.started_at DESC, o.run_id DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (
  SELECT o.* FROM unnest(n.names) m(name) CROSS JOIN LATERAL (
    SELECT * FROM gridlight.sync_run WHERE layer = m.name AND direction = 'pull' AND status = 'success'
    ORDER BY started_at DESC, run_id DESC LIMIT 1) o
  ORDER BY o.started_at DESC, o.run_id DESC LIMIT 1) ok ON true
ORDER BY s.layer)";
}

const postgres::statement& layers_statement() {
  static const postgres::statement s{layers_sql(), {postgres::oid::text_array, postgres::oid::text_array}};
  return s;
}

const postgres::statement& runs_statement() {
  static const postgres::statement s{"SELECT " + run_columns("s") +
                                     " FROM gridlight.sync_status s ORDER BY started_at DESC, run_id DESC"};
  return s;
}

const postgres::statement& summary_statement() {
  static const postgres::statement s{
      "SELECT layer, runs, successes, failures, last_run, mean_duration_s, rows_written, rows_deleted, "
      "rows_rejected FROM gridlight.sync_summary ORDER BY layer"};
  return s;
}

const postgres::statement& foreign_statement() {
  static const postgres::statement s{
      "SELECT layer, changes, last_version, last_at, last_writers FROM gridlight.sync_foreign WHERE changes "
      "> "
      "0 ORDER BY layer"};
  return s;
}

// $1, $2: seconds, as the sync's own look has them; $2 NULL: only those that are idle.
const postgres::statement& zombies_statement() {
  static const postgres::statement s{
      "SELECT application, state, held_s FROM gridlight.sync_zombies(make_interval(secs => $1), "
      "make_interval(secs => $2))",
      {postgres::oid::float8, postgres::oid::float8}};
  return s;
}

postgres::arguments zombie_limits(const config& c) {
  const auto seconds = [](std::chrono::milliseconds t) { return static_cast<double>(t.count()) / 1000; };
  postgres::arguments out;
  out.add(seconds(c.sync.reaper_after));
  if (c.postgres.statement_timeout.count() > 0)
    out.add(seconds(c.postgres.statement_timeout + c.sync.reaper_after));
  else
    out.add_null();
  return out;
}

constexpr std::array<std::string_view, 4> foreign_members{R"({"layer":)", R"(,"changes":)",
                                                          R"(,"last_version":)", R"(,"last_at":)"};
constexpr std::array<std::string_view, 3> zombie_members{R"({"application":)", R"(,"state":)",
                                                         R"(,"held_s":)"};
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
                                                         const postgres::arguments& values,
                                                         postgres::query_timing& timing) {
  auto rows = co_await s.pool.query(postgres::lane::lookup, what, values, req.until, timing,
                                    postgres::share::no, req.rank());
  co_return or_none(std::move(rows));
}

// Runs go by the name under sync.tables; all layers of its table follow them. Names are of a to z, 0 to 9, _.
postgres::arguments names_of_runs(const catalog& all, const sync_settings& sync) {
  std::string layers = "{", names = "{";
  for (const sync_table_config& t : sync.tables) {
    if (t.mode == sync_mode::push) continue;
    const layer* own = t.table.empty() ? all.find(t.layer.empty() ? t.name : t.layer) : nullptr;
    const std::string& schema = own != nullptr ? own->config.schema : t.schema;
    const std::string& table = own != nullptr ? own->config.table : t.table;
    for (const layer& l : all.layers()) {
      if (table.empty() || l.config.name == t.name || l.config.schema != schema || l.config.table != table)
        continue;
      layers += (layers.size() > 1 ? "," : "") + l.config.name;
      names += (names.size() > 1 ? "," : "") + t.name;
    }
  }
  postgres::arguments out;
  out.add_text(layers + "}").add_text(names + "}");
  return out;
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

// Names of roles are for those who may change data.
void append_foreign(std::string& out, const postgres::result_set& rows, bool named) {
  out += R"(],"foreign_changes":[)";
  for (int row = 0; row < rows.rows(); ++row) {
    if (row > 0) out += ',';
    append_row(out, rows, row, foreign_members);
    if (named) {
      out += R"(,"last_writers":)";
      append_json_string(out, rows.text(row, foreign_members.size()));
    }
    out += '}';
  }
  out += ']';
}

void append_zombies(std::string& out, const postgres::result_set& rows) {
  out += R"(,"zombies":[)";
  for (int row = 0; row < rows.rows(); ++row) {
    if (row > 0) out += ',';
    append_row(out, rows, row, zombie_members);
    out += '}';
  }
  out += ']';
}

}  // namespace

// GET /api/postgres/sync/status
answer_t sync_status(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  const postgres::arguments names = names_of_runs(**all, s.settings.sync), none;
  const auto layers = co_await ask(s, req, layers_statement(), names, req.timing.postgres);
  if (!layers) co_return layers.error();
  const auto runs = co_await ask(s, req, runs_statement(), none, req.timing.postgres);
  if (!runs) co_return runs.error();
  const auto foreign = co_await ask(s, req, foreign_statement(), none, req.timing.postgres);
  if (!foreign) co_return foreign.error();
  result<postgres::result_set> zombies = postgres::result_set{};
  if (foreign->columns() > 0) {  // else there is no such function either
    const postgres::arguments limits = zombie_limits(s.settings);
    zombies = co_await ask(s, req, zombies_statement(), limits, req.timing.postgres);
    if (!zombies) co_return zombies.error();
  }
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
  append_foreign(out.body, *foreign, req.who.allowed.has(identity::scope::write));
  append_zombies(out.body, *zombies);
  out.body += '}';
  co_return out;
}

// GET /api/postgres/sync/summary
answer_t sync_summary(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const postgres::arguments none;
  const auto rows = co_await ask(s, req, summary_statement(), none, req.timing.postgres);
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
