#pragma once

#include <iterator>
#include <random>

#include "sync/source_snowflake.hpp"
#include "tests/sync/snowflake_journey.hpp"
#include "tests/sync/sync_snow.hpp"

namespace gridlight::test {

inline int below(std::mt19937_64& random, int n) {
  return std::uniform_int_distribution<int>{0, n - 1}(random);
}

/// Results come in many partitions, so that there is much that can go wrong.
inline snowflake::settings small_partitions() {
  snowflake::settings out;
  out.first_rows = 20;
  out.partition_rows = 40;
  return out;
}

inline snowflake::fault any_fault(std::mt19937_64& random) {
  using snowflake::route;
  using k = snowflake::fault::kind;
  constexpr k kinds[] = {k::status,          k::status,       k::html,
                         k::empty,           k::cut,          k::truncated_gzip,
                         k::wrong_partition, k::added_column, k::dropped_column,
                         k::short_partition, k::wrong_count,  k::truncated_result};
  constexpr route routes[] = {route::any, route::submit, route::poll, route::partition};
  constexpr int statuses[] = {500, 503, 429, 401, 408, 422};
  snowflake::fault f;
  f.what = kinds[below(random, static_cast<int>(std::size(kinds)))];
  f.on = routes[below(random, 4)];
  f.after = below(random, 2) > 0;
  f.times = 1 + below(random, 3);
  f.probability = 0.2 + 0.2 * below(random, 5);
  f.status = statuses[below(random, 6)];
  if (f.status == 401) f.code = "390144";
  if (f.status == 429) f.code = "390505";
  f.bytes = static_cast<std::size_t>(below(random, 3000));
  return f;
}

inline boost::asio::awaitable<result<sync::run_outcome>> start_amid_faults(
    boost::asio::any_io_executor executor, snow_sync& s, sync::run_options how) {
  auto db = co_await sync::open_for_command(executor, s.bench.settings.postgres, "sync");
  if (!db) co_return db.error();
  auto client = sync::snowflake::client::make(executor, quick(s.snow), s.snow.key_pair());
  if (!client) co_return client.error();
  const auto from = sync::from_client(std::move(*client));
  co_return co_await sync::run_table(*db, *from, s.bench.plans.at(0), std::move(how));
}

/// The first plan's run, by a client whose pauses are short.
inline result<sync::run_outcome> run_amid_faults(snow_sync& s, const sync::run_options& how) {
  return postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) { return start_amid_faults(executor, s, how); });
}

}  // namespace gridlight::test
