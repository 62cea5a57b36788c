#include "api/circuit_summary.hpp"

#include <algorithm>
#include <cmath>

#include "api/value_writer.hpp"
#include "geo/decimal.hpp"

namespace gridlight::api {
namespace {

enum column : int {
  circuit_count,
  avg_load,
  avg_health,
  worst_load,
  worst_health,
  critical_circuits,
  warning_circuits,
  without_data,
  last_updated,
  as_of
};

void append_rounded(std::string& out, std::string_view name, std::optional<double> value, int decimals) {
  out += name;
  if (value)
    geo::append_decimal(out, *value, decimals);
  else
    out += "null";
}

}  // namespace

std::string_view name(condition c) noexcept {
  switch (c) {
    case condition::good:
      return "good";
    case condition::warning:
      return "warning";
    case condition::critical:
      return "critical";
    case condition::unknown:
      break;
  }
  return "unknown";
}

condition judge(std::optional<double> load, std::optional<double> health) noexcept {
  if (!load && !health) return condition::unknown;
  if ((load && *load > 85) || (health && *health < 50)) return condition::critical;
  if ((load && *load > 70) || (health && *health < 70)) return condition::warning;
  return condition::good;
}

std::optional<double> circuit_summary::number(int column) const noexcept {
  if (rows_.is_null(row_, first_ + column)) return std::nullopt;
  const double value = rows_.number(row_, first_ + column);
  return std::isfinite(value) ? std::optional{value} : std::nullopt;
}

std::int64_t circuit_summary::count(int column) const noexcept {
  return rows_.is_null(row_, first_ + column) ? 0 : rows_.integer(row_, first_ + column);
}

// The worst load and the worst health decide: no circuit is worse than both.
condition circuit_summary::status() const noexcept {
  return judge(number(worst_load), number(worst_health));
}

void circuit_summary::append_time(std::string& out, std::string_view name, int column) const {
  out += name;
  if (rows_.is_null(row_, first_ + column))
    out += "null";
  else
    append_json_value(out, postgres::oid::timestamptz, rows_.text(row_, first_ + column));
}

void circuit_summary::append_members(std::string& out) const {
  constexpr int measured =
      6;  // decimals of a single circuit's figure: as stored, without the noise of binary fractions
  out += R"("circuit_count":)" + std::to_string(count(circuit_count));
  append_rounded(out, R"(,"avg_load":)", number(avg_load), 2);
  append_rounded(out, R"(,"avg_health":)", number(avg_health), 2);
  append_rounded(out, R"(,"worst_circuit_load":)", number(worst_load), measured);
  append_rounded(out, R"(,"worst_circuit_health":)", number(worst_health), measured);
  out += R"(,"critical_circuits":)" + std::to_string(count(critical_circuits));
  out += R"(,"warning_circuits":)" + std::to_string(count(warning_circuits));
  out += R"(,"circuits_without_data":)" + std::to_string(count(without_data));
  out.append(R"(,"status":")").append(name(status())).append("\"");
  append_time(out, R"(,"last_updated":)", last_updated);
  append_time(out, R"(,"as_of":)", as_of);
}

}  // namespace gridlight::api
