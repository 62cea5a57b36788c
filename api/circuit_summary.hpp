#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/postgres/result.hpp"

namespace gridlight::api {

/// How loaded or healthy a circuit is, or the worst of a substation's circuits.
enum class condition { unknown, good, warning, critical };
std::string_view name(condition c) noexcept;

/// The limits, once: load in percent, health 0 to 100. What is missing decides nothing; with neither it is
/// unknown.
condition judge(std::optional<double> load, std::optional<double> health) noexcept;

/// A relation for grid_statements: substation_id, then what circuit_summary reads, in its order. NaN counts
/// as missing.
inline constexpr std::string_view circuits_by_substation_sql = R"((
    SELECT substation_id,
           count(*) AS circuit_count,
           avg(load) AS avg_load,
           avg(health) AS avg_health,
           max(load) AS worst_load,
           min(health) AS worst_health,
           count(*) FILTER (WHERE load > 85) AS critical,
           count(*) FILTER (WHERE load > 70 AND load <= 85) AS warning,
           count(*) FILTER (WHERE load IS NULL AND health IS NULL) AS without_data,
           max(last_updated) AS last_updated,
           min(last_updated) FILTER (WHERE load IS NOT NULL OR health IS NOT NULL) AS as_of
    FROM (SELECT substation_id, last_updated,
                 nullif(avg_load_percent::float8, 'NaN') AS load,
                 nullif(avg_health_score::float8, 'NaN') AS health
          FROM {circuits}) one
    GROUP BY substation_id))";

/// What the circuits of one substation come to: ten columns of a row, from `first` on, in the order of
/// circuits_by_substation_sql; all null for a substation without circuits.
class circuit_summary {
 public:
  static constexpr int columns = 10;

  circuit_summary(const postgres::result_set& rows, int row, int first)
      : rows_(rows), row_(row), first_(first) {}

  condition status() const noexcept;
  /// Appends `"circuit_count":…,…,"as_of":…`, the fields of data-model "Substation status" with the averages
  /// rounded.
  void append_members(std::string& out) const;

 private:
  std::optional<double> number(int column) const noexcept;
  std::int64_t count(int column) const noexcept;
  void append_time(std::string& out, std::string_view name, int column) const;

  const postgres::result_set& rows_;
  int row_, first_;
};

}  // namespace gridlight::api
