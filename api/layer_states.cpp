#include "api/layer_states.hpp"

#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

const postgres::statement& layer_state_statement() {
  static const postgres::statement s{
      "SELECT layer, version, changed_at, row_count, ST_XMin(bounds), ST_YMin(bounds), ST_XMax(bounds), "
      "ST_YMax(bounds), "
      "source_synced_at, extract(epoch FROM now() - source_synced_at)::float8 FROM gridlight.layer_state",
      {},
      {oid::text, oid::int8, oid::timestamptz, oid::int8, oid::float8, oid::float8, oid::float8, oid::float8,
       oid::timestamptz, oid::float8}};
  return s;
}

enum column : int {
  name,
  version,
  changed_at,
  row_count,
  min_lon,
  min_lat,
  max_lon,
  max_lat,
  synced_at,
  lag
};

std::string time_text(const postgres::result_set& rows, int row, int column) {
  std::string out;
  if (!rows.is_null(row, column)) append_text_value(out, oid::timestamptz, rows.text(row, column));
  return out;
}

}  // namespace

const layer_state* state_of(const layer_states& all, const layer& l) {
  const auto found = l.versioned ? all.find(l.config.name) : all.end();
  return found == all.end() ? nullptr : &found->second;
}

const layer_state* state_of_places(const layer_states& all, const layer& l) {
  if (!l.has_place()) return nullptr;
  if (!l.snap) return state_of(all, l);
  const auto found = l.snap->versioned ? all.find(l.snap->layer) : all.end();
  return found == all.end() ? nullptr : &found->second;
}

boost::asio::awaitable<result<layer_states>> read_layer_states(services& s, postgres::lane lane,
                                                               deadline until,
                                                               postgres::query_timing& timing) {
  layer_states out;
  const postgres::arguments none;
  const auto rows =
      co_await s.pool.query(lane, layer_state_statement(), none, until, timing, postgres::share::yes);
  if (!rows && rows.error().code == errc::schema_mismatch) co_return out;
  if (!rows) co_return rows.error();
  for (int row = 0; row < rows->rows(); ++row) {
    layer_state state;
    state.version = rows->integer(row, version);
    state.changed_at = time_text(*rows, row, changed_at);
    if (!rows->is_null(row, row_count)) state.row_count = rows->integer(row, row_count);
    if (!rows->is_null(row, min_lon))
      state.bounds = geo::bbox{rows->number(row, min_lon), rows->number(row, min_lat),
                               rows->number(row, max_lon), rows->number(row, max_lat)};
    state.source_synced_at = time_text(*rows, row, synced_at);
    if (!rows->is_null(row, lag)) state.lag_s = rows->number(row, lag);
    out.emplace(rows->text(row, name), std::move(state));
  }
  co_return out;
}

}  // namespace gridlight::api
