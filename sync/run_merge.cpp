#include "sync/command.hpp"
#include "sync/table_run.hpp"

// Differing rows into the live table, in the transaction that is open.
namespace gridlight::sync {

using boost::asio::awaitable;

// Rows that others refer to cannot be taken out, and where they can, others would go with them.
awaitable<result<bool>> table_run::is_referenced() {
  const auto row = co_await db_.execute(
      "SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = " + shape_.oid + ")",
      command_deadline());
  if (!row) co_return row.error();
  co_return row->text(0, 0) == "t";
}

// Unique indexes look at each row as it is written. Where two rows exchange what one of them holds, the first
// would not be let in as long as the second is as it was.
awaitable<result<void>> table_run::merge(const difference& d, std::string deletes, std::string only) {
  if (d.all() == 0) co_return result<void>{};
  const table_pair t = tables();
  const std::string upsert = d.inserted + d.updated > 0 ? upsert_sql(t, record_.id, only) + "; " : "";
  auto done = co_await execute("SAVEPOINT before_merge; " + deletes + upsert + "RELEASE before_merge");
  if (done || d.updated == 0 || !is_sqlstate(done.error(), "23505")) co_return done;
  auto back = co_await execute("ROLLBACK TO before_merge");
  if (!back) co_return back;
  const auto referenced = co_await is_referenced();
  if (!referenced) co_return referenced.error();
  if (*referenced) co_return done;
  co_return co_await execute(deletes + replace_sql(t, record_.id, only) + "; " + upsert +
                             "RELEASE before_merge");
}

}  // namespace gridlight::sync
