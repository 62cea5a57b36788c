#pragma once

#include <cstdint>
#include <string>

#include "sync/demo/random.hpp"
#include "tests/support/snowflake/database.hpp"

namespace gridlight::test::snowflake {

/// Changes a second, on the whole.
struct storm_rates {
  double loads = 20;      ///< circuits whose load and health move
  double outages = 0.5;   ///< that begin
  double repairs = 0.6;   ///< outages that come a step nearer to RESTORED
  double switches = 0.3;  ///< connections that come or go
  double orders = 0.3;    ///< work orders made or moved on
};

/// The tables that the demo's layers are kept fresh from: FLUX_OPS_CENTER_TOPOLOGY,
/// OUTAGE_RESTORATION_TRACKER, WORK_ORDERS and CIRCUIT_METADATA, with the rows of demo-data at the same scale
/// and seed.
void make_source_tables(const std::string& conninfo, const std::string& database_name,
                        const std::string& schema, double scale, std::int64_t seed);

/// Changes them as on a stormy day. The same seed and steps give the same changes, but for the times.
class storm {
 public:
  storm(const std::string& conninfo, const std::string& database_name, const std::string& schema,
        std::uint64_t seed, storm_rates rates = {});

  /// What happens in so many seconds. Returns the rows changed.
  int step(double seconds);

 private:
  int due(double rate, double seconds);
  int run(const std::string& sql);
  int move_loads(int n);
  int begin_outage();
  int repair();
  int switch_connection();
  int work();
  std::string some_circuit();

  database db_;
  storm_rates rates_;
  sync::demo::random random_;
  int circuits_ = 0, made_ = 0;
};

}  // namespace gridlight::test::snowflake
