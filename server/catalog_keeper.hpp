#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

#include "server/catalog.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight {

/// Fills a catalog_store: as soon as the database answers, then every `refresh`, so that tables made, altered
/// or loaded while the server runs are seen. A database that is away leaves the last catalog in place.
class catalog_keeper {
 public:
  /// \param store, pool  must outlive it; all calls on the pool's executor
  catalog_keeper(boost::asio::any_io_executor executor, catalog_store& store, postgres::pool& pool,
                 std::vector<layer_config> declared,
                 std::chrono::milliseconds refresh = std::chrono::seconds{30});

  void start();
  void stop();                              ///< lets it end
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> read_once();

  catalog_store& store_;
  postgres::pool& pool_;
  std::vector<layer_config> declared_;
  std::chrono::milliseconds refresh_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  ///< never expires; cancelled when run() returns
  bool stopping_ = false, running_ = false;
};

}  // namespace gridlight
