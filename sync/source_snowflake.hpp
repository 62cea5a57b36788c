#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "server/config.hpp"
#include "sync/snowflake/client.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// Snowflake as configured; its files (keys, tokens) are read now. Fails with errc::input, saying what is
/// wrong with them. All calls on the executor's one thread.
result<std::unique_ptr<source>> open_snowflake(boost::asio::any_io_executor executor,
                                               const sync_settings::snowflake_settings& settings);

/// The same by a client of the caller's.
std::unique_ptr<source> from_client(snowflake::client c);

}  // namespace gridlight::sync
