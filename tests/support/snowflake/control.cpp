#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <stdexcept>

#include "tests/support/snowflake/api.hpp"

namespace gridlight::test::snowflake {
namespace {

using element = simdjson::dom::element;

struct setting {
  std::string_view name;
  void (*set)(settings&, element);
};

template <auto Member>
void set_flag(settings& s, element e) {
  s.*Member = e.get_bool().value();
}
template <auto Member>
void set_number(settings& s, element e) {
  s.*Member = static_cast<std::remove_reference_t<decltype(s.*Member)>>(e.get_int64().value());
}
template <auto Member>
void set_time(settings& s, element e) {
  s.*Member = std::chrono::milliseconds{e.get_int64().value()};
}

constexpr auto known = std::to_array<setting>({
    {"wait_ms", set_time<&settings::wait>},
    {"delay_ms", set_time<&settings::delay>},
    {"result_life_ms", set_time<&settings::result_life>},
    {"jwt_life_ms", set_time<&settings::jwt_life>},
    {"most_results", set_number<&settings::most_results>},
    {"first_rows", set_number<&settings::first_rows>},
    {"partition_rows", set_number<&settings::partition_rows>},
    {"partition_bytes", set_number<&settings::partition_bytes>},
    {"fraction_digits", set_number<&settings::fraction_digits>},
    {"bare_partitions", set_flag<&settings::bare_partitions>},
    {"upper_types", set_flag<&settings::upper_types>},
    {"added_fraction", set_flag<&settings::added_fraction>},
    {"geography_as_type", set_flag<&settings::geography_as_type>},
    {"geospatial_changes", set_flag<&settings::geospatial_changes>},
    {"tracks_by_default", set_flag<&settings::tracks_by_default>},
    {"array_binds", set_flag<&settings::array_binds>},
});

void change_settings(const std::string& body, account& statements) {
  simdjson::dom::parser parser;
  const simdjson::dom::object members = parser.parse(body).get_object().value();
  for (const auto& [name, value] : members) {
    bool found = false;
    for (const setting& s : known) {
      if (s.name != name) continue;
      found = true;
      statements.change([&, v = value](settings& all) { s.set(all, v); });
    }
    if (!found) throw std::runtime_error{"no such setting: " + std::string{name}};
  }
}

http_answer act(const http_question& q, account& statements, fault_plan& faults) {
  const std::string line = q.method + " " + q.path;
  const std::string_view what = line;
  if (what == "POST /emulator/faults")
    faults.add(fault_from_json(q.body));
  else if (what == "DELETE /emulator/faults")
    faults.clear();
  else if (what == "POST /emulator/seed")
    faults.seed(std::stoull(q.parameter("value")));
  else if (what == "POST /emulator/settings")
    change_settings(q.body, statements);
  else if (what == "POST /emulator/expire")
    statements.expire_all();
  else if (what != "GET /emulator/counts")
    return json_answer(404, "{}");
  return json_answer(
      200, fmt::format(R"({{"executions":{},"faults":{}}})", statements.executions(), faults.fired()));
}

}  // namespace

http_answer control(const http_question& q, account& statements, fault_plan& faults) {
  try {
    return act(q, statements, faults);
  } catch (const std::exception& e) {
    return json_answer(400, "{\"message\":" + json(e.what()) + "}");
  }
}

}  // namespace gridlight::test::snowflake
