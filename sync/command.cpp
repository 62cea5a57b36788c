#include "sync/command.hpp"

#include <unistd.h>

#include <iostream>

namespace gridlight::sync {

postgres::connect_options command_connection(const config::postgres_settings& settings,
                                             const std::string& name) {
  postgres::connect_options options;
  options.uri = settings.uri;
  options.application_name = "gridlight " + name;
  options.connect_timeout = settings.connect_timeout;
  options.statement_timeout = std::chrono::milliseconds{0};
  options.idle_in_transaction_timeout = settings.idle_in_transaction_timeout;
  options.lock_timeout = settings.lock_timeout;
  options.pooled = settings.pooled;
  return options;
}

boost::asio::awaitable<result<postgres::connection>> open_for_command(boost::asio::any_io_executor executor,
                                                                      config::postgres_settings settings,
                                                                      std::string name) {
  const postgres::connect_options options = command_connection(settings, name);
  const deadline until = deadline_in(settings.connect_timeout);
  auto session = co_await postgres::connection::open(executor, options, until);
  if (!session || settings.pooled) co_return session;
  // A command that was killed while Postgres works must not leave its locks for as long as that takes. Where
  // the server's system cannot watch the connection, this fails and things stay as they are.
  co_await session->execute("SET client_connection_check_interval = '2s'", until);
  if (session->broken()) co_return failure{errc::database_unavailable, "the database cannot be reached"};
  co_return session;
}

boost::asio::awaitable<void> unlock(postgres::connection& db) {
  if (!db.broken() && db.idle()) co_await db.execute("SELECT pg_advisory_unlock_all()", command_deadline());
}

deadline command_deadline() {
  return deadline_in(std::chrono::hours{24});
}

result<void> confirm(std::string_view name, std::string_view what, bool yes, bool may_ask) {
  std::cerr << "gridlight " << name << ": " << what << std::flush;
  if (yes) return {};
  if (!may_ask || ::isatty(STDIN_FILENO) != 1)
    return failure{errc::conflict,
                   "nothing was changed: say --yes to replace these rows; there is no terminal to ask at"};
  std::cerr << "Replace them? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return failure{errc::conflict, "nothing was changed"};
}

void print_failure(std::string_view name, const failure& f) {
  std::cerr << "gridlight " << name << ": " << f.detail;
  // Postgres's words; the statement after them may be a whole migration.
  if (!f.log_detail.empty()) std::cerr << " (" << f.log_detail.substr(0, f.log_detail.find("; in: ")) << ")";
  std::cerr << std::endl;
}

}  // namespace gridlight::sync
