#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>

#include "server/postgres/pool.hpp"
#include "server/versions.hpp"

namespace gridlight {

/// Reads versions and changes again and again into a version_store: every 250 ms, and at once when the
/// database notifies of a change. A notification that is lost costs nothing but those 250 ms.
class freshness_keeper {
 public:
  /// \param store, pool  must outlive it; all calls on the pool's executor
  /// \param listen_with  how to reach the database with a connection of its own to LISTEN on; nothing:
  /// without
  freshness_keeper(boost::asio::any_io_executor executor, version_store& store, postgres::pool& pool,
                   std::chrono::milliseconds every = std::chrono::milliseconds{250},
                   std::optional<postgres::connect_options> listen_with = std::nullopt);

  void start();
  void stop();                              ///< lets it end
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  boost::asio::awaitable<void> poll();
  boost::asio::awaitable<void> read_once();
  boost::asio::awaitable<bool> read_changes();
  boost::asio::awaitable<void> read_versions();
  boost::asio::awaitable<void> hear();
  boost::asio::awaitable<void> hear_one_session();
  void one_ended();
  void failed(const failure& f);
  void succeeded();

  version_store& store_;
  postgres::pool& pool_;
  const std::chrono::milliseconds every_;
  const std::optional<postgres::connect_options> listen_with_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer pause_;  ///< between attempts to listen
  boost::asio::steady_timer ended_;  ///< never expires; cancelled when the last coroutine returns
  postgres::connection* listening_ = nullptr;
  std::size_t asks_for_ = 0;           ///< how much of its origin: see freshness.cpp
  steady::time_point ask_for_all_at_;  ///< again, when that is not all
  std::chrono::milliseconds patience_;
  steady::time_point began_ = steady::now();
  bool stopping_ = false, notified_ = false, told_ = false;
  int running_ = 0;
};

}  // namespace gridlight
