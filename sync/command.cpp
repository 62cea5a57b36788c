#include "sync/command.hpp"

#include <iostream>

namespace gridlight::sync {

boost::asio::awaitable<result<postgres::connection>> open_for_command(boost::asio::any_io_executor executor,
                                                                      config::postgres_settings settings,
                                                                      std::string name) {
  postgres::connect_options options;
  options.uri = settings.uri;
  options.application_name = "gridlight " + name;
  options.connect_timeout = settings.connect_timeout;
  options.statement_timeout = std::chrono::milliseconds{0};
  options.idle_in_transaction_timeout = settings.idle_in_transaction_timeout;
  options.lock_timeout = settings.lock_timeout;
  options.pooled = settings.pooled;
  co_return co_await postgres::connection::open(executor, options, deadline_in(settings.connect_timeout));
}

deadline command_deadline() {
  return deadline_in(std::chrono::hours{24});
}

void print_failure(std::string_view name, const failure& f) {
  std::cerr << "gridlight " << name << ": " << f.detail;
  // Postgres's words; the statement after them may be a whole migration.
  if (!f.log_detail.empty()) std::cerr << " (" << f.log_detail.substr(0, f.log_detail.find("; in: ")) << ")";
  std::cerr << std::endl;
}

}  // namespace gridlight::sync
