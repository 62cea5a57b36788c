#include "sync/generalize/transaction.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/command.hpp"
#include "sync/simple_query.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync::generalize {

using boost::asio::awaitable;

awaitable<result<void>> run(postgres::connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

std::int64_t integer(const postgres::result_set& rows, int row, int column) {
  return number(rows.text(row, column));
}

awaitable<result<void>> drop_patiently(postgres::connection& db, std::string table) {
  constexpr std::chrono::milliseconds pause{250};
  const deadline end = deadline_in(std::chrono::minutes{2});
  // Autovacuum gives way to whoever waits a second for a lock, never to tries of 5 ms.
  const std::string prepare = "SET LOCAL lock_timeout = '3s'; LOCK TABLE " + table +
                              " IN SHARE UPDATE EXCLUSIVE MODE; "
                              "SET LOCAL lock_timeout = '5ms'; SAVEPOINT before_lock";
  auto step = co_await run(db, prepare);
  if (!step) co_return step;
  const std::string drop = "DROP TABLE " + table;
  for (;;) {
    step = co_await run(db, drop);
    if (step || !is_sqlstate(step.error(), "55P03")) co_return step;
    step = co_await run(db, "ROLLBACK TO before_lock");
    if (!step) co_return step;
    if (steady::now() > end)
      co_return failure{errc::conflict,
                        table + " could not be replaced: other sessions read it without a pause"};
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, pause};
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace gridlight::sync::generalize
