#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "server/postgres/connection.hpp"
#include "sync/plan.hpp"

namespace gridlight::sync {

using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// The time after `t` at which a schedule is due; nothing: never. Zones are Postgres's to know.
boost::asio::awaitable<result<std::optional<wall_time>>> next_time(postgres::connection& db, schedule_text s,
                                                                   wall_time t);

/// When the tables are due. Runs that were missed while nobody ran them are made up for, once.
class schedule {
 public:
  explicit schedule(const std::vector<table_plan>& plans) : plans_(plans) {}

  /// What the database knows of the last runs.
  boost::asio::awaitable<result<void>> read(postgres::connection& db);
  struct due {
    const table_plan* plan = nullptr;
    bool full = false;
  };
  /// The table that has been due for the longest.
  std::optional<due> next(wall_time now) const;
  /// A run has ended. Failed ones are tried again, ever more seldom, at the latest when they are due anyway.
  boost::asio::awaitable<result<void>> done(postgres::connection& db, const table_plan& plan, bool full,
                                            bool well, wall_time started, wall_time now);

 private:
  struct times {
    std::optional<wall_time> run, full;
    int failures = 0;
  };
  boost::asio::awaitable<result<void>> set(postgres::connection& db, const table_plan& plan,
                                           std::optional<wall_time> ran, std::optional<wall_time> ran_full);
  const std::vector<table_plan>& plans_;
  std::map<std::string, times> times_;
  std::map<std::string, std::pair<std::optional<wall_time>, std::optional<wall_time>>> last_;
};

}  // namespace gridlight::sync
