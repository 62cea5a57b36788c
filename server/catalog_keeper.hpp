#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/catalog.hpp"
#include "server/postgres/pool.hpp"
#include "server/unwatched.hpp"

namespace gridlight {

/// Fills a catalog_store: as soon as the database answers, then every `refresh`, so that tables made, altered
/// or loaded while the server runs are seen. A database that is away leaves the last catalog in place.
class catalog_keeper {
 public:
  using store_pointer = std::shared_ptr<catalog_store>;

  /// \param store, pool      must outlive it; all calls on the pool's executor. The store is for what runs in
  ///                        the background; it always has the layers that are declared now
  /// \param served          the same for requests: whoever has it sees these layers, never those that are
  ///                        declared later
  /// \param schema_version  that this program knows: layers that need a schema are not served where it is too
  ///                        old for it; 0: any will do
  catalog_keeper(boost::asio::any_io_executor executor, catalog_store& store, store_pointer served,
                 postgres::pool& pool, std::vector<layer_config> declared, int schema_version = 0,
                 std::chrono::milliseconds refresh = std::chrono::seconds{30});

  using pointer = std::shared_ptr<const catalog>;
  /// The catalog of other layers, read now; nothing is changed. Fails as the database does.
  boost::asio::awaitable<result<pointer>> read(std::vector<layer_config> declared);
  /// Goes on with these, of which `read` made a catalog.
  /// \param served  another one than before, which has it already
  void adopt(std::vector<layer_config> declared, pointer made, store_pointer served);

  void start();
  void stop();                              ///< lets it end
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> read_once();
  boost::asio::awaitable<result<void>> check_schema(postgres::connection& db,
                                                    const std::vector<layer_config>& declared,
                                                    deadline until);
  boost::asio::awaitable<void> look_for_unwatched(postgres::connection& db,
                                                  const std::vector<layer_config>& declared, deadline until);

  catalog_store& store_;
  store_pointer served_;
  postgres::pool& pool_;
  std::vector<layer_config> declared_;
  std::chrono::milliseconds refresh_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  ///< never expires; cancelled when run() returns
  const int schema_version_;
  std::string told_;              // about the schema
  unwatched_layers told_silent_;  // of layers
  std::uint64_t adopted_ = 0;
  bool stopping_ = false, running_ = false;
};

}  // namespace gridlight
