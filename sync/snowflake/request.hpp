#pragma once

#include <string>
#include <string_view>

#include "sync/snowflake/client.hpp"

namespace gridlight::sync::snowflake {

/// A random UUID (version 4).
result<std::string> make_request_id();

std::string submit_target(std::string_view request_id, bool async, bool retry);
std::string status_target(std::string_view handle, std::string_view request_id);
std::string partition_target(std::string_view handle, std::size_t n, std::string_view request_id);
std::string cancel_target(std::string_view handle, std::string_view request_id);

/// The JSON of a submission. `timeout` is in seconds; 0 would mean a week and is sent as given.
/// Fails with errc::input on text that is no UTF-8, or values with several statements.
result<std::string> submit_body(const statement& s, const client_options& o, std::int64_t timeout);

}  // namespace gridlight::sync::snowflake
