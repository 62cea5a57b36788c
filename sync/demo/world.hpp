#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sync/demo/circuit_layout.hpp"
#include "sync/demo/names.hpp"
#include "sync/demo/random.hpp"
#include "sync/demo/territory.hpp"

namespace gridlight::sync::demo {

/// "Now" of the demo: 2026-11-01T12:00:00Z in microseconds since 2000. All its times are before or around it,
/// so that the same seed gives the same bytes on any day.
inline constexpr std::int64_t second = 1000000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
inline constexpr std::int64_t reference_time = 9801 * day + 12 * hour;

/// How circuits stand; a substation is as its worst.
enum class mood : std::uint8_t { good, warning, critical, unknown };

/// Rows of one circuit in a table that is ordered by circuit.
struct range {
  int first = 0, count = 0;
  int end() const noexcept { return first + count; }
};

struct substation {
  std::string name;
  const place* where;
  position at;
  mood state;
  range circuits;
};

struct circuit {
  int substation;
  int number;  ///< 1 is the substation's first
  circuit_layout layout;
  range lines, poles, transformers, buildings, ponds, meters, trees;
  mood state;
  double load = 0, health = 0;  ///< percent, points; meaningless when unknown
  int open_outages = 0;
  int tie_to = -1;  ///< transformer of the next circuit, or none
  int tie_from = -1;
};

enum class voltage_class : std::uint8_t { high, medium, low };

struct power_line {
  int circuit;  ///< -1: transmission
  int substation;
  voltage_class voltage;
  std::vector<position> path;
  int transformers = 0, meters = 0;
};

struct pole {
  position at;
  int line;
  double angle;  ///< of the line there, radians from east
};

struct transformer {
  int circuit, pole;
  position at;
  int fed_by = -1;  ///< the transformer before it, or none: the circuit's first pole
  int meters = 0;
};

struct meter {
  int circuit, transformer, building;
  position at;
};

struct tree {
  position at;
  int line;
  double height, canopy, distance;  ///< metres; distance of the trunk to the line
};

/// What stands on a lot.
struct building {
  std::array<position, 6> corners;
  int corner_count;
  position front;
  enum class kind : std::uint8_t {
    house,
    apartments,
    retail,
    office,
    industrial,
    school,
    church,
    garage
  } type;
  double height;
  int floors;
};

struct water_body {
  std::string_view type, name;
  std::vector<position> ring;
};

struct outage {
  int circuit;
  position at;
  enum class state : std::uint8_t { active, assigned, in_progress, pending, restored } status;
  std::int64_t started;
};

/// The whole demo but its buildings, which are made when asked for. Immutable once made.
struct world {
  world(double scale, std::int64_t seed);

  std::uint64_t seed;
  row_counts counts;
  territory land;
  std::vector<water_body> waters;  ///< lakes and bayous; ponds belong to circuits
  std::vector<substation> substations;
  std::vector<circuit> circuits;
  std::vector<power_line> lines;
  std::vector<pole> poles;
  std::vector<transformer> transformers;
  std::vector<meter> meters;
  std::vector<tree> trees;
  std::vector<outage> outages;
  int service_connections = 0;  ///< the topology holds so many of the meters, spread evenly

  /// \param index  from 0, within the circuit
  building building_at(const circuit& c, int index) const;
  std::vector<position> pond_at(const circuit& c, int lot) const;
  /// Whether the topology holds this meter: so many of them, spread evenly.
  bool is_connected(int meter) const {
    const std::int64_t n = service_connections, all = counts.meters;
    return (meter + 1) * n / all > meter * n / all;
  }
  random stream(std::uint64_t kind, std::uint64_t index) const { return random_for(seed, kind, index); }

 private:
  void flood();
  void found_substations();
  void found_circuits();
  void string_lines();
  void link_substations();
  void set_poles(circuit& c);
  void hang_transformers(circuit& c);
  void place_meters(circuit& c);
  void plant_trees(circuit& c);
  bool near_transmission(position p, double metres) const;
  void tie_circuits();
  void decide_moods();
  void break_things();
};

}  // namespace gridlight::sync::demo
