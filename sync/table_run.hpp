#pragma once

#include "sync/difference.hpp"
#include "sync/fill.hpp"
#include "sync/reading.hpp"
#include "sync/run.hpp"
#include "sync/run_record.hpp"
#include "sync/staging.hpp"
#include "sync/watermark.hpp"

namespace gridlight::sync {

/// A run under way; see run_table().
class table_run {
 public:
  table_run(postgres::connection& db, source& from, const table_plan& plan, run_options options)
      : db_(db), from_(from), plan_(plan), options_(std::move(options)) {}

  boost::asio::awaitable<result<run_outcome>> run();

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<result<void>> begin();
  awaitable<result<void>> do_run();
  awaitable<result<void>> finish();

  // run_prepare.cpp: the table, the source, and what of the source goes into the table
  awaitable<result<void>> prepare();
  awaitable<result<void>> read_table();
  awaitable<result<void>> watch_layers();
  awaitable<result<void>> add_columns();
  result<void> check_key() const;

  // run_full.cpp
  awaitable<result<void>> full();
  awaitable<result<void>> stage(batch_reader& rows, bool with_action);
  awaitable<result<void>> fill_staged(batch_reader& rows, bool with_action, filled& counted);
  awaitable<result<void>> check_staged();
  awaitable<result<void>> guard(const difference& d);
  awaitable<result<void>> confirm_empty();
  awaitable<result<void>> settle(const difference& d);
  awaitable<result<void>> swap(const difference& d);
  awaitable<result<void>> sum_up();
  awaitable<result<std::unique_ptr<batch_reader>>> open_all();
  awaitable<result<void>> find_mark();
  bool shall_merge(const difference& d) const;

  // run_merge.cpp
  awaitable<result<void>> merge(const difference& d, std::string deletes, std::string only);
  awaitable<result<bool>> is_referenced();

  // run_increment.cpp
  awaitable<result<void>> watermark();
  awaitable<result<void>> changes();
  awaitable<result<void>> merge_staged(bool with_action);
  awaitable<result<void>> find_repeated(bool with_action);
  awaitable<result<void>> become_full();
  awaitable<result<void>> go_without_history();
  awaitable<result<bool>> read_again(std::string window);
  /// How far the rows of a source reach.
  struct reach {
    std::optional<std::int64_t> mark;   ///< the greatest that is not later than the clock
    std::optional<std::int64_t> clock;  ///< the source's; of a column of numbers there is none
    bool ahead = false;                 ///< there are rows later than the clock
  };
  awaitable<result<reach>> look_ahead(const mark_column& column);
  awaitable<result<std::optional<std::int64_t>>> greatest(const mark_column& column,
                                                          std::optional<std::int64_t> up_to);
  result<mark_column> find_mark_column() const;

  // run_push.cpp
  struct push_plan;
  struct push_page;
  awaitable<result<void>> push();
  awaitable<result<push_plan>> plan_push();
  std::string marks_sql(const std::string& column, const std::string& clock, bool time) const;
  awaitable<result<void>> push_rows(const push_plan& p);
  awaitable<result<push_page>> read_page(const push_plan& p, const std::string& after);
  awaitable<result<void>> merge_page(const push_plan& p, const push_page& page, std::size_t from,
                                     std::size_t to);

  awaitable<result<void>> execute(std::string sql);
  awaitable<result<void>> roll_back_dry(const difference& d);
  void show(std::string_view phase) const;
  void warn(std::string what);
  void count(const difference& d);
  table_pair tables() const;
  std::string staged() const { return qualified(plan_.schema, staging_name(record_.id)); }
  std::string live() const { return qualified(plan_.schema, plan_.table); }
  std::string ending_sql() const;

  postgres::connection& db_;
  source& from_;
  const table_plan& plan_;
  run_options options_;
  begun_run record_;
  run_outcome out_;
  filled rows_;
  table_shape shape_;
  std::vector<target_column> columns_;
  std::vector<source_column> has_;
  reading reading_;
  std::optional<std::int64_t> mark_;
};

}  // namespace gridlight::sync
