#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/secret.hpp"

namespace gridlight {

enum class sync_mode { full, watermark, changes, push, mirrored };
enum class new_columns { ignore, add, refuse };  ///< that the source has and the table has not
enum class swap_rule { automatic, merge };       ///< "auto", "merge" in the config
enum class foreign_writes { warn, accept };      ///< of others than runs, to a table that is kept
std::string_view name(sync_mode m) noexcept;
std::string_view name(new_columns p) noexcept;
std::string_view name(swap_rule r) noexcept;
std::string_view name(foreign_writes f) noexcept;

/// When something is done again: after an interval, or as a cron line of five fields says.
struct schedule_text {
  std::chrono::milliseconds every{0};
  std::string cron;              ///< empty: the interval
  std::string timezone = "UTC";  ///< in which the cron line is meant

  bool never() const noexcept { return every.count() == 0 && cron.empty(); }
  friend bool operator==(const schedule_text&, const schedule_text&) = default;
};

/// A table under sync.tables, as gridlight.yaml declares it. SQL in it is of the source's dialect.
struct sync_table_config {
  std::string name;
  bool given = false;  ///< by somebody, not only by what is built in
  bool enabled = true;
  sync_mode mode = sync_mode::full;
  std::string layer;          ///< whose table it is; empty and no table: the layer of this name
  std::string schema, table;  ///< instead of a layer
  std::string source;         ///< table or view that is read
  std::string target;         ///< of push: the table in Snowflake
  secret connection;          ///< of mirrored: the Postgres that has the source
  std::vector<std::string> key;
  std::string watermark;                                     ///< the column that grows with each change
  std::vector<std::pair<std::string, std::string>> columns;  ///< target column, SQL; empty: as named
  bool only_columns = false;                                 ///< no others than those of `columns`
  std::string where;                                         ///< which rows of the source
  std::string transform;                                     ///< a SELECT instead of source and where
  std::string timezone;                                      ///< of the source's times without a zone
  std::int64_t batch_size = 2000;
  schedule_text schedule{std::chrono::minutes{5}, {}, "UTC"};
  schedule_text reconcile{std::chrono::hours{24}, {}, "UTC"};
  std::chrono::milliseconds overlap{std::chrono::minutes{10}};
  std::int64_t max_errors = 0;
  double min_share = 0.8;  ///< 0: may lose any part of its rows; none left wants a count that confirms it
  new_columns added = new_columns::ignore;
  swap_rule swap = swap_rule::automatic;
  foreign_writes foreign = foreign_writes::warn;

  friend bool operator==(const sync_table_config&, const sync_table_config&) = default;
};

struct sync_settings {
  bool enabled = true;  ///< `serve` runs it where there is something to run
  std::chrono::milliseconds keep_previous{std::chrono::hours{24}};
  std::chrono::milliseconds run_timeout{std::chrono::minutes{30}};
  std::string reaper = "report";  ///< of sessions of ours that nobody uses: report, end, off
  std::chrono::milliseconds reaper_after{std::chrono::seconds{90}};
  struct snowflake_settings {
    std::string account, host;  ///< one of them makes it configured
    int port = 443;
    std::string ca_file, user;
    std::string private_key_file;
    secret passphrase;
    std::string token_file, token_type = "oauth";
    std::string warehouse, database, schema, role;
    bool configured() const noexcept { return !account.empty() || !host.empty(); }
  } snowflake;
  std::vector<sync_table_config> tables;
};

}  // namespace gridlight
