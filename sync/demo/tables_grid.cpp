#include <algorithm>
#include <array>

#include "sync/demo/tables.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { line_draws = 96, topology_draws, circuit_draws };

std::size_t circuit_pieces(const world& w) {
  return w.circuits.size();
}
std::size_t one_piece(const world&) {
  return 1;
}

void write_substations(const world& w, std::size_t, copy_rows& out) {
  for (int i = 0; i < w.counts.substations; ++i) {
    const substation& s = at(w.substations, i);
    const substation_figures f = figures_of(w, i);
    out.row(8).text(substation_id(i)).text(s.name).latitude(s.at).longitude(s.at).number(f.capacity);
    out.text(f.voltage).date(f.commissioned).text(f.status);
  }
}

void write_transformers(const world& w, std::size_t piece, copy_rows& out) {
  const circuit& c = w.circuits[piece];
  for (int i = c.transformers.first; i < c.transformers.end(); ++i) {
    const transformer& t = at(w.transformers, i);
    const transformer_figures f = figures_of_transformer(w, i);
    const condition now = condition_of(w, c, static_cast<std::uint64_t>(i));
    out.row(10).text(transformer_id(i)).latitude(t.at).longitude(t.at).text(substation_id(c.substation));
    out.number(f.kva).integer(f.year);
    now.known ? out.number(now.health) : out.null();
    out.integer(2026 - f.year).text(home(w, c).where->name).text(circuit_id(t.circuit));
  }
}

position middle_of(const power_line& line) {
  const auto n = line.path.size();
  return between(line.path[(n - 1) / 2], line.path[n / 2], 0.5);
}

std::string_view text(voltage_class v) {
  return v == voltage_class::high ? "HIGH" : v == voltage_class::medium ? "MEDIUM" : "LOW";
}

void write_lines(const world& w, std::size_t, copy_rows& out) {
  for (int i = 0; i < static_cast<int>(w.lines.size()); ++i) {
    const power_line& line = at(w.lines, i);
    random r = w.stream(line_draws, static_cast<std::uint64_t>(i));
    out.row(12).text(line_id(i));
    line.circuit < 0 ? out.null() : out.text(circuit_id(line.circuit));
    out.text(substation_id(line.substation));
    out.text(line.voltage == voltage_class::high     ? "transmission"
             : line.voltage == voltage_class::medium ? "primary"
             : r.chance(25)                          ? "underground"
                                                     : "overhead");
    out.text(text(line.voltage)).integer(line.transformers).integer(line.meters);
    out.number(rounded(path_length(line.path), 1)).line(line.path);
    const position middle = middle_of(line);
    out.latitude(middle).longitude(middle).timestamp(reference_time - r.between(30, 9000) * day);
  }
}

void write_meters(const world& w, std::size_t piece, copy_rows& out) {
  const circuit& c = w.circuits[piece];
  const place& where = *home(w, c).where;
  for (int i = c.meters.first; i < c.meters.end(); ++i) {
    const meter& m = at(w.meters, i);
    out.row(8).text(meter_id(i)).text(transformer_id(m.transformer)).latitude(m.at).longitude(m.at);
    out.text(circuit_id(m.circuit)).text(where.city).text(where.zip).text(where.county);
  }
}

void write_customers(const world& w, std::size_t piece, copy_rows& out) {
  const circuit& c = w.circuits[piece];
  const place& where = *home(w, c).where;
  for (int i = c.meters.first; i < c.meters.end(); ++i) {
    const meter& m = at(w.meters, i);
    const customer who = customer_at(w, i);
    out.row(10).text(id("CUST-", i + 1, 7)).text(who.name).text(who.segment).text(who.address);
    out.text(where.city).text(where.county).text(meter_id(i)).text(transformer_id(m.transformer));
    out.latitude(m.at).longitude(m.at);
  }
}

// Each connection once: substation to each feeder's first pole, down the transformers, and on to meters.
struct connection_end {
  std::string asset;
  int circuit;
  position at;
};
void connect(const connection_end& from, const connection_end& to, std::string_view type, std::int64_t when,
             copy_rows& out) {
  out.row(10).text(from.asset).text(to.asset).text(circuit_id(from.circuit)).text(circuit_id(to.circuit));
  out.latitude(from.at).longitude(from.at).latitude(to.at).longitude(to.at).text(type).timestamp(when);
}

void write_topology(const world& w, std::size_t piece, copy_rows& out) {
  const circuit& c = w.circuits[piece];
  const int own = static_cast<int>(piece);
  random r = w.stream(topology_draws, piece);
  const auto when = [&] { return reference_time - r.between(0, 3599) * second; };
  const auto of_transformer = [&](int i) -> connection_end {
    return {transformer_id(i), at(w.transformers, i).circuit, at(w.transformers, i).at};
  };
  const substation& from = home(w, c);
  const connection_end head{pole_id(c.poles.first), own, at(w.poles, c.poles.first).at};
  connect({substation_id(c.substation), own, from.at}, head, "SUBSTATION_FEEDER", when(), out);
  for (int i = c.transformers.first; i < c.transformers.end(); ++i) {
    const int before = at(w.transformers, i).fed_by;
    connect(before < 0 ? head : of_transformer(before), of_transformer(i), "PRIMARY", when(), out);
  }
  if (c.tie_from >= 0) connect(of_transformer(c.tie_from), of_transformer(c.tie_to), "TIE", when(), out);
  for (int i = c.meters.first; i < c.meters.end(); ++i) {
    if (!w.is_connected(i)) continue;
    const meter& m = at(w.meters, i);
    connect(of_transformer(m.transformer), {meter_id(i), own, m.at}, "SERVICE", when(), out);
  }
}

void write_circuits(const world& w, std::size_t, copy_rows& out) {
  for (int i = 0; i < static_cast<int>(w.circuits.size()); ++i) {
    const circuit& c = at(w.circuits, i);
    const substation& s = home(w, c);
    random r = w.stream(circuit_draws, static_cast<std::uint64_t>(i));
    const position centre =
        to_ground(c.layout.plan(c.layout.street_length() / 2, c.layout.avenue_length() / 2));
    const bool known = c.state != mood::unknown;
    out.row(13)
        .text(circuit_id(i))
        .text(s.name + " " + std::to_string(c.number))
        .text(substation_id(c.substation));
    out.text(s.name).text(r.chance(80) ? "MEDIUM" : "HIGH").text(status_text(c));
    known ? out.number(rounded(c.load, 2)) : out.null();
    known ? out.number(rounded(c.health, 2)) : out.null();
    out.integer(c.meters.count).integer(c.open_outages).latitude(centre).longitude(centre);
    out.timestamp(reference_time - (known ? r.between(0, 600) : r.between(7200, 200000)) * second);
  }
}

}  // namespace

const demo_table substations_table{
    "substations",
    "substations",
    "substation_id, substation_name, latitude, longitude, capacity_mva, voltage_level, "
    "commissioned_date, operational_status",
    [](const world& w) { return w.counts.substations; },
    one_piece,
    write_substations};

const demo_table transformers_table{
    "transformers",
    "transformers",
    "transformer_id, latitude, longitude, substation_id, rated_kva, install_year, health_score, age_years, "
    "location_area, feeder_id",
    [](const world& w) { return w.counts.transformers; },
    circuit_pieces,
    write_transformers};

const demo_table power_lines_table{"power_lines",
                                   "grid_power_lines",
                                   "line_id, circuit_id, substation_id, line_type, voltage_class, "
                                   "transformer_count, meters_served, line_length_m, "
                                   "geom, centroid_lat, centroid_lon, created_at",
                                   [](const world& w) { return w.counts.power_lines; },
                                   one_piece,
                                   write_lines};

const demo_table meters_table{
    "meters",
    "meter_locations_enhanced",
    "meter_id, transformer_id, latitude, longitude, circuit_id, city, zip_code, county_name",
    [](const world& w) { return w.counts.meters; },
    circuit_pieces,
    write_meters};

const demo_table customers_table{"customers",
                                 "customers_spatial",
                                 "customer_id, full_name, customer_segment, service_address, city, county, "
                                 "meter_id, transformer_id, latitude, "
                                 "longitude",
                                 [](const world& w) { return w.counts.customers; },
                                 circuit_pieces,
                                 write_customers};

const demo_table topology_table{
    "topology",
    "topology_connections_cache",
    "from_asset_id, to_asset_id, from_circuit_id, to_circuit_id, from_latitude, from_longitude, to_latitude, "
    "to_longitude, connection_type, last_updated",
    [](const world& w) { return w.counts.topology; },
    circuit_pieces,
    write_topology};

const demo_table circuits_table{
    "circuits",
    "circuit_status_realtime",
    "circuit_id, circuit_name, substation_id, substation_name, voltage_class, status, avg_load_percent, "
    "avg_health_score, customers_served, outage_count, centroid_lat, centroid_lon, last_updated",
    [](const world& w) { return w.counts.circuits; },
    one_piece,
    write_circuits};

}  // namespace gridlight::sync::demo
