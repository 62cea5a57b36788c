#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "api/event_hub.hpp"
#include "api/feature_writer.hpp"
#include "api/grid_statements.hpp"
#include "server/catalog.hpp"
#include "server/postgres/pool.hpp"
#include "server/versions.hpp"

namespace gridlight::api {

/// Makes what is new in a version_store into steps of an event_feed: reads substation status and open outages
/// once for each change that may concern them, and every few seconds where a table of these tells of none.
/// One a process.
class event_source {
 public:
  /// All must outlive it; all calls on the pool's executor.
  event_source(boost::asio::any_io_executor executor, const version_store& versions,
               const catalog_store& layers, postgres::pool& pool, event_feed& feed);

  void start();
  void tell_all();                          ///< other tables are read: all are told what is now
  void stop();                              ///< lets it end
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  struct outage_reader;
  using grid_answer = result<std::shared_ptr<const grid_state>>;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> refresh();
  boost::asio::awaitable<grid_answer> read_grid();
  boost::asio::awaitable<result<void>> read_status(grid_state& into, const std::shared_ptr<const catalog>& c,
                                                   deadline until);
  boost::asio::awaitable<result<void>> read_outages(grid_state& into, const std::shared_ptr<const catalog>& c,
                                                    deadline until);

  const version_store& versions_;
  const catalog_store& layers_;
  postgres::pool& pool_;
  event_feed& feed_;
  grid_statements statements_;
  std::shared_ptr<const outage_reader> outages_;
  event_state_pointer now_;
  boost::asio::steady_timer timer_, ended_;
  version_store::subscription heard_;
  bool news_ = true, other_history_ = false, stopping_ = false, running_ = false;
};

}  // namespace gridlight::api
