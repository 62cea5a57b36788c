#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "server/config.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// A Postgres by its connection string, with the timeouts of `settings`. Each read is of one snapshot.
/// \param batch  rows fetched at once
boost::asio::awaitable<result<std::unique_ptr<source>>> open_postgres(boost::asio::any_io_executor executor,
                                                                      config::postgres_settings settings,
                                                                      secret uri, std::int64_t batch);

}  // namespace gridlight::sync
