#include "sync/demo/tables.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { asset_draws = 112 };

// What only some types of asset have; the rest is null.
struct asset {
  std::string id, name;
  std::string_view type, voltage;
  position at;
  int circuit = -1;
  condition now{};
  double rotation = 0;
  int connected = -1, circuits_served = -1;
  const customer* who = nullptr;
  double capacity = 0;
  std::string_view substation_name{};
};

void optional(copy_rows& out, std::string_view v) {
  v.empty() ? out.null() : out.text(v);
}
void optional(copy_rows& out, int v) {
  v < 0 ? out.null() : out.integer(v);
}

void write_asset(const world& w, const asset& a, const place& where, std::int64_t updated, copy_rows& out) {
  out.row(22).text(a.id).text(a.name).text(a.type).latitude(a.at).longitude(a.at);
  a.circuit < 0 ? out.null() : out.text(circuit_id(a.circuit));
  a.now.known ? out.number(a.now.load).number(a.now.health) : out.null().null();
  out.text(a.circuit < 0 ? "good" : status_text(at(w.circuits, a.circuit)))
      .text(a.voltage)
      .timestamp(updated);
  out.number(a.rotation).text(where.city).text(where.zip).text(where.county);
  optional(out, a.connected);
  optional(out, a.who ? std::string_view{a.who->address} : std::string_view{});
  optional(out, a.who ? std::string_view{a.who->name} : std::string_view{});
  optional(out, a.who ? a.who->segment : std::string_view{});
  optional(out, a.circuits_served);
  a.capacity > 0 ? out.number(a.capacity) : out.null();
  optional(out, a.substation_name);
}

void write_substation_assets(const world& w, copy_rows& out) {
  for (int i = 0; i < w.counts.substations; ++i) {
    const substation& s = at(w.substations, i);
    const substation_figures f = figures_of(w, i);
    asset a{substation_id(i), s.name + " Substation", "substation", f.voltage, s.at};
    a.circuits_served = s.circuits.count;
    a.capacity = f.capacity;
    a.substation_name = s.name;
    write_asset(w, a, *s.where, reference_time, out);
  }
}

void write_circuit_assets(const world& w, int index, copy_rows& out) {
  const circuit& c = at(w.circuits, index);
  const place& where = *home(w, c).where;
  random r = w.stream(asset_draws, static_cast<std::uint64_t>(index));
  const auto updated = [&] { return reference_time - r.between(0, 900) * second; };
  for (int i = c.poles.first; i < c.poles.end(); ++i) {
    const pole& p = at(w.poles, i);
    asset a{pole_id(i), "Pole " + std::to_string(i - c.poles.first + 1),
            "pole",     at(w.lines, p.line).voltage == voltage_class::medium ? "34.5kV" : "12.47kV",
            p.at,       index};
    a.now = condition_of(w, c, 0x100000000U + static_cast<std::uint64_t>(i));
    a.rotation = p.angle;
    write_asset(w, a, where, updated(), out);
  }
  for (int i = c.transformers.first; i < c.transformers.end(); ++i) {
    const transformer& t = at(w.transformers, i);
    asset a{transformer_id(i),
            "Transformer " + std::to_string(i - c.transformers.first + 1),
            "transformer",
            "12.47kV",
            t.at,
            index};
    a.now = condition_of(w, c, static_cast<std::uint64_t>(i));
    a.rotation = at(w.poles, t.pole).angle;
    a.connected = t.meters;
    write_asset(w, a, where, updated(), out);
  }
  for (int i = c.meters.first; i < c.meters.end(); ++i) {
    const meter& m = at(w.meters, i);
    const customer who = customer_at(w, i);
    asset a{meter_id(i), "Meter " + std::to_string(i - c.meters.first + 1),
            "meter",     who.segment == "RESIDENTIAL" ? "240V" : "480V",
            m.at,        index};
    a.who = &who;
    a.connected = 1;
    write_asset(w, a, where, updated(), out);
  }
}

void write_assets(const world& w, std::size_t piece, copy_rows& out) {
  piece == 0 ? write_substation_assets(w, out) : write_circuit_assets(w, static_cast<int>(piece) - 1, out);
}

}  // namespace

const demo_table assets_table{"assets",
                              "grid_assets_cache",
                              "asset_id, asset_name, asset_type, latitude, longitude, circuit_id, "
                              "load_percent, health_score, status, voltage, "
                              "last_updated, rotation_rad, city, zip_code, county_name, connected_customers, "
                              "service_address, customer_name, "
                              "customer_segment, circuits_served, capacity_mva, substation_name",
                              [](const world& w) { return w.counts.assets; },
                              [](const world& w) { return w.circuits.size() + 1; },
                              write_assets};

}  // namespace gridlight::sync::demo
