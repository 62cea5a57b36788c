#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <string>

#include "server/catalog.hpp"
#include "server/postgres/connection.hpp"
#include "server/versions.hpp"
#include "sync/generalize/build.hpp"

namespace gridlight::sync::generalize {

/// Keeps the layers' generalised tables: on a connection of its own it makes what is missing and repairs what
/// a change made stale, one layer after the other, small work first. Several servers may do so: one of them
/// builds. Servers of other settings would build in turn for ever: whose rules stood in a table and were
/// replaced leaves it to the other, and says so. Where it may not write it says once what to grant. What
/// fails is logged once and tried again, ever more seldom.
class keeper {
 public:
  /// \param layers, versions  must outlive it
  keeper(boost::asio::any_io_executor executor, const catalog_store& layers, const version_store& versions,
         postgres::connect_options connect);

  void start();
  void stop();                              ///< lets it end; what runs in Postgres is cancelled
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  // What became of a layer when it was looked at last.
  struct attempt {
    std::int64_t version = 0;  // of the layer
    std::string rules;
    bool settled = false;  // it needs no table at this version
    std::string failure;   // the last one logged
    std::chrono::milliseconds pause{0};
    steady::time_point not_before{};
  };
  struct stale_layer {
    layer what;
    std::int64_t version = 0;
    std::string rules;
    bool has_table = false;
  };

  // Whose rules a layer's table has had.
  struct rivalry {
    std::string stood;  // of ours, by which there was a table, or rightly none
    std::string rival;  // of others, in their place; empty: none
    std::chrono::milliseconds wait{0};
    steady::time_point until{};

    void stands(std::string_view ours) {
      stood = ours;
      rival.clear();
    }
  };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> sessions();
  boost::asio::awaitable<void> session();
  boost::asio::awaitable<result<std::vector<stale_layer>>> find_stale();
  boost::asio::awaitable<void> build_one(stale_layer s);
  bool gives_way(const std::string& layer, std::string_view ours, std::string_view in_table);
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  void failed(attempt& a, const std::string& layer, const failure& f);

  const catalog_store& layers_;
  const version_store& versions_;
  postgres::connect_options connect_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  // never expires; cancelled when run() returns
  boost::asio::cancellation_signal give_up_;
  version_store::subscription news_;
  std::optional<postgres::connection> db_;
  std::map<std::string, attempt> attempts_;
  std::map<std::string, rivalry> rivals_;
  bool stopping_ = false, running_ = false, woken_ = false, told_to_grant_ = false;
};

}  // namespace gridlight::sync::generalize
