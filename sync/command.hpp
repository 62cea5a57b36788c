#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "server/config.hpp"
#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// The exit codes of every subcommand.
namespace exit_code {
inline constexpr int ok = 0, failed = 1, usage = 2;
}

/// How a command's session is opened: open_for_command() does.
postgres::connect_options command_connection(const config::postgres_settings& settings,
                                             const std::string& name);
/// A session for a command: no statement timeout, `lock_timeout` as configured, named `gridlight NAME` in
/// Postgres.
boost::asio::awaitable<result<postgres::connection>> open_for_command(boost::asio::any_io_executor executor,
                                                                      config::postgres_settings settings,
                                                                      std::string name);

/// Gives back the session's advisory locks before it ends: Postgres notices the end of a session some time
/// after the command has returned, and the next one would find the lock still held.
boost::asio::awaitable<void> unlock(postgres::connection& db);

/// For a command's statements, which may take as long as they need: a day from now.
deadline command_deadline();

/// Whether the person who typed `gridlight NAME` agrees to what `what` (lines that end in newlines) says,
/// which is shown on stderr first: by --yes (`yes`), else by an answer on the terminal. Fails with
/// errc::conflict, naming the flag, where nobody can be asked or the answer is no. \param may_ask  standard
/// input is not data
result<void> confirm(std::string_view name, std::string_view what, bool yes, bool may_ask);

/// What went wrong, for the person who typed the command: `gridlight NAME: detail (Postgres's words)` on
/// stderr.
void print_failure(std::string_view name, const failure& f);

}  // namespace gridlight::sync
