#include "api/circuit_summary.hpp"
#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/value_writer.hpp"
#include "geo/wkb.hpp"

namespace gridlight::api {
namespace {

constexpr std::string_view list_sql = R"(
SELECT v.*, f.*
FROM (SELECT {substations.version} AS v0, {circuits.version} AS v1, NULL::bigint AS v2) v
LEFT JOIN LATERAL (
  SELECT s.substation_id, s.geom, s.substation_name, s.capacity_mva, s.voltage_level, s.commissioned_date,
         s.operational_status, c.circuit_count, c.avg_load, c.avg_health, c.worst_load, c.worst_health,
         c.critical, c.warning, c.without_data, c.last_updated, c.as_of
  FROM {substations} s LEFT JOIN {circuits_by_substation} c USING (substation_id)) f ON true
ORDER BY f.substation_id)";

// A row a circuit, the substation's own columns repeated; one row when it has none. $1 substation_id
constexpr std::string_view one_sql = R"(
SELECT v.*, f.*
FROM (SELECT {substations.version} AS v0, {circuits.version} AS v1, {outages.version} AS v2) v
LEFT JOIN LATERAL (
  SELECT s.substation_id, s.geom, s.substation_name, s.capacity_mva, s.voltage_level, s.commissioned_date,
         s.operational_status, c.circuit_count, c.avg_load, c.avg_health, c.worst_load, c.worst_health,
         c.critical, c.warning, c.without_data, c.last_updated, c.as_of,
         one.circuit_id, one.circuit_name, one.voltage_class, one.avg_load_percent::float8, one.avg_health_score::float8,
         one.customers_served, one.last_updated AS circuit_updated,
         (SELECT count(*) FROM {outages} o
          WHERE o.circuit_id = one.circuit_id AND o.status IS DISTINCT FROM 'RESTORED') AS open_outages
  FROM {substations} s
  LEFT JOIN {circuits_by_substation} c USING (substation_id)
  LEFT JOIN {circuits} one USING (substation_id)
  WHERE s.substation_id = $1) f ON true
ORDER BY f.circuit_id)";

enum column : int {
  v0,
  v1,
  v2,
  substation_id,
  geom,
  substation_name,
  capacity_mva,
  voltage_level,
  commissioned_date,
  operational_status,
  summary,
  circuit_id = summary + circuit_summary::columns,
  circuit_name,
  voltage_class,
  load,
  health,
  customers_served,
  circuit_updated,
  open_outages
};

struct member {
  std::string_view prefix;
  int column;
};
constexpr member substation_members[] = {{R"("substation_name":)", substation_name},
                                         {R"(,"capacity_mva":)", capacity_mva},
                                         {R"(,"voltage_level":)", voltage_level},
                                         {R"(,"commissioned_date":)", commissioned_date},
                                         {R"(,"operational_status":)", operational_status}};
constexpr member circuit_members[] = {
    {R"({"circuit_id":)", circuit_id},       {R"(,"circuit_name":)", circuit_name},
    {R"(,"voltage_class":)", voltage_class}, {R"(,"avg_load_percent":)", load},
    {R"(,"avg_health_score":)", health},     {R"(,"customers_served":)", customers_served},
    {R"(,"last_updated":)", circuit_updated}};

void append_members(std::string& out, const postgres::result_set& rows, int row,
                    std::span<const member> members) {
  for (const member& m : members) {
    out += m.prefix;
    if (rows.is_null(row, m.column))
      out += "null";
    else
      append_json_value(out, rows.type(m.column), rows.text(row, m.column));
  }
}

std::optional<double> finite(const postgres::result_set& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  const double value = rows.number(row, column);
  return value - value == 0 ? std::optional{value} : std::nullopt;
}

// All of a substation's feature up to where more properties may follow.
void open_feature(std::string& out, const postgres::result_set& rows, int row) {
  out += R"({"type":"Feature","id":)";
  append_json_string(out, rows.text(row, substation_id));
  out += R"(,"geometry":)";
  if (rows.is_null(row, geom) || !geo::append_geojson(out, rows.bytes(row, geom))) out += "null";
  out += R"(,"properties":{)";
  append_members(out, rows, row, substation_members);
  out += ',';
  circuit_summary{rows, row, summary}.append_members(out);
}

// An open outage that names the circuit outweighs its figures.
void append_circuit(std::string& out, const postgres::result_set& rows, int row) {
  append_members(out, rows, row, circuit_members);
  const std::int64_t outages = rows.integer(row, open_outages);
  out += R"(,"open_outages":)" + std::to_string(outages) + R"(,"status":")";
  out += outages > 0 ? std::string_view{"outage"}
                     : name(judge(finite(rows, row, load), finite(rows, row, health)));
  out += "\"}";
}

std::vector<used_version> versions(const postgres::result_set& rows, int count) {
  constexpr std::string_view layers[] = {substations_layer, circuits_layer, outages_layer};
  std::vector<used_version> out;
  for (int i = 0; i < count; ++i) {
    std::optional<std::int64_t> version;
    if (rows.rows() > 0 && !rows.is_null(0, v0 + i)) version = rows.integer(0, v0 + i);
    out.push_back({layers[i], version});
  }
  return out;
}

}  // namespace

// GET /api/postgres/substations
answer_t substations(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto catalog = loaded_catalog(s);
  if (!catalog) co_return catalog.error();
  const auto statement = s.grid.get(*catalog, list_sql);
  if (!statement) co_return statement.error();
  if (auto same = unchanged(s, req, http::content_type::geojson, {substations_layer, circuits_layer}))
    co_return *std::move(same);

  const postgres::arguments none;
  const auto rows = co_await s.pool.query(postgres::lane::lookup, **statement, none, req.until,
                                          req.timing.postgres, postgres::share::no, req.rank());
  if (!rows) co_return rows.error();
  const auto start = steady::now();
  feature_page page;
  for (int row = 0; row < rows->rows(); ++row) {
    if (rows->is_null(row, substation_id)) continue;
    if (page.count++ > 0) page.features += ',';
    open_feature(page.features, *rows, row);
    page.features += "}}";
  }
  std::string body = feature_collection(std::move(page), {});
  req.timing.encode_ms += ms_since(start);
  co_return data_response(req, http::content_type::geojson, std::move(body), versions(*rows, 2));
}

// GET /api/postgres/substations/{id}
answer_t substation(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto catalog = loaded_catalog(s);
  if (!catalog) co_return catalog.error();
  const auto statement = s.grid.get(*catalog, one_sql);
  if (!statement) co_return statement.error();
  if (auto same =
          unchanged(s, req, http::content_type::geojson, {substations_layer, circuits_layer, outages_layer}))
    co_return *std::move(same);

  postgres::arguments a;
  a.add_text(req.path_values.at(0));
  const auto rows = co_await s.pool.query(postgres::lane::lookup, **statement, a, req.until,
                                          req.timing.postgres, postgres::share::no, req.rank());
  if (!rows) co_return rows.error();
  if (rows->rows() == 0 || rows->is_null(0, substation_id))
    co_return failure{errc::not_found, "there is no substation with this id"};
  const auto start = steady::now();
  std::string body;
  open_feature(body, *rows, 0);
  body += R"(,"circuits":[)";
  for (int row = 0; row < rows->rows(); ++row) {
    if (rows->is_null(row, circuit_id)) continue;
    if (row > 0) body += ',';
    append_circuit(body, *rows, row);
  }
  body += "]}}";
  req.timing.encode_ms += ms_since(start);
  co_return data_response(req, http::content_type::geojson, std::move(body), versions(*rows, 3));
}

}  // namespace gridlight::api
