#include <algorithm>
#include <array>

#include "sync/demo/tables.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { outage_draws = 128, order_draws };

constexpr auto crews =
    std::to_array<std::string_view>({"Crew 1", "Crew 2", "Crew 4", "Crew 7", "Crew 9", "Crew 12",
                                     "O'Malley Line Services", "Peña Eléctrica"});

std::size_t one_piece(const world&) {
  return 1;
}

std::string_view text(outage::state s) {
  using state = outage::state;
  switch (s) {
    case state::active:
      return "ACTIVE";
    case state::assigned:
      return "ASSIGNED";
    case state::in_progress:
      return "IN_PROGRESS";
    case state::pending:
      return "PENDING";
    case state::restored:
      break;
  }
  return "RESTORED";
}

void write_outages(const world& w, std::size_t, copy_rows& out) {
  constexpr auto types = std::to_array<std::string_view>({"UNPLANNED", "UNPLANNED", "UNPLANNED", "PLANNED"});
  constexpr auto causes = std::to_array<std::string_view>(
      {"VEGETATION", "EQUIPMENT_FAILURE", "WEATHER", "ANIMAL", "VEHICLE", "UNKNOWN"});
  for (int i = 0; i < static_cast<int>(w.outages.size()); ++i) {
    const outage& o = at(w.outages, i);
    const circuit& c = at(w.circuits, o.circuit);
    random r = w.stream(outage_draws, static_cast<std::uint64_t>(i));
    const int affected = 1 + r.between(0, std::max(1, c.meters.count) - 1);
    const bool restored = o.status == outage::state::restored;
    const bool crew = o.status != outage::state::active && o.status != outage::state::pending;
    const std::int64_t lasted = r.between(20, 660) * minute;
    out.row(17).text(id("OUT-", i + 1, 5)).text(circuit_id(o.circuit)).text(substation_id(c.substation));
    out.text(r.pick<std::string_view>(types)).text(r.pick<std::string_view>(causes)).timestamp(o.started);
    // Open ones are expected back after "now".
    out.timestamp(restored ? o.started + lasted + 30 * minute : reference_time + r.between(15, 480) * minute);
    restored ? out.timestamp(o.started + lasted) : out.null();
    out.integer(affected).integer(restored                                 ? affected
                                  : o.status == outage::state::in_progress ? affected / 2
                                                                           : 0);
    out.text(text(o.status)).text(affected > 30 ? "HIGH" : affected > 10 ? "MEDIUM" : "LOW");
    crew ? out.text(r.pick<std::string_view>(crews)) : out.null();
    out.latitude(o.at).longitude(o.at).timestamp(o.started);
    out.timestamp(restored ? o.started + lasted
                           : std::max(o.started, reference_time - r.between(0, 1800) * second));
  }
}

enum class order_state { open, scheduled, assigned, in_progress, done };

void write_orders(const world& w, std::size_t, copy_rows& out) {
  constexpr auto types =
      std::to_array<std::string_view>({"INSPECTION", "REPAIR", "VEGETATION_TRIM", "POLE_REPLACEMENT",
                                       "TRANSFORMER_REPLACEMENT", "METER_EXCHANGE"});
  constexpr auto tasks =
      std::to_array<std::string_view>({"Inspect by infrared", "Repair the cross-arm", "Trim to the clearance",
                                       "Replace the pole", "Replace the unit", "Exchange the meter"});
  constexpr auto priorities = std::to_array<std::string_view>({"HIGH", "MEDIUM", "MEDIUM", "LOW"});
  constexpr auto texts =
      std::to_array<std::string_view>({"OPEN", "SCHEDULED", "ASSIGNED", "IN_PROGRESS", "DONE"});
  for (int i = 0; i < w.counts.work_orders; ++i) {
    random r = w.stream(order_draws, static_cast<std::uint64_t>(i));
    const int unit = r.between(0, w.counts.transformers - 1);
    const transformer& t = at(w.transformers, unit);
    const auto state = static_cast<order_state>(i < 5 ? i : r.between(0, 4));
    const std::size_t type = r.below(types.size());
    const std::int64_t begin = state == order_state::done          ? reference_time - r.between(1, 29) * day
                               : state == order_state::in_progress ? reference_time - r.between(1, 6) * hour
                                                                   : reference_time + r.between(1, 29) * day;
    const std::int64_t end = begin + r.between(2, 9) * hour, created = begin - r.between(30, 60) * day;
    const bool scheduled = state != order_state::open;
    const bool started = state == order_state::in_progress || state == order_state::done;
    out.row(17).text(id("WO-", i + 1, 5)).text(types[type]).text(r.pick<std::string_view>(priorities));
    out.text(texts[static_cast<std::size_t>(state)]);
    scheduled&& state != order_state::scheduled ? out.text(r.pick<std::string_view>(crews)) : out.null();
    out.text(circuit_id(t.circuit))
        .text(substation_id(at(w.circuits, t.circuit).substation))
        .text(transformer_id(unit));
    out.text(std::string{tasks[type]} + " at " + transformer_id(unit));
    scheduled ? out.timestamp(begin).timestamp(end) : out.null().null();
    started ? out.timestamp(begin) : out.null();
    state == order_state::done ? out.timestamp(end) : out.null();
    out.latitude(t.at).longitude(t.at).timestamp(created);
    out.timestamp(state == order_state::done ? end : started ? begin : created + day);
  }
}

}  // namespace

const demo_table outages_table{
    "outages",
    "outage_restoration_tracker",
    "outage_id, circuit_id, substation_id, outage_type, cause_category, start_time, estimated_restoration, "
    "actual_restoration, customers_affected, customers_restored, status, priority, crew_assigned, latitude, "
    "longitude, created_at, updated_at",
    [](const world& w) { return w.counts.outages; },
    one_piece,
    write_outages};

const demo_table work_orders_table{
    "work_orders",
    "work_orders",
    "work_order_id, work_order_type, priority, status, assigned_crew, circuit_id, substation_id, "
    "transformer_id, "
    "description, scheduled_start, scheduled_end, actual_start, actual_end, latitude, longitude, created_at, "
    "updated_at",
    [](const world& w) { return w.counts.work_orders; },
    one_piece,
    write_orders};

}  // namespace gridlight::sync::demo
