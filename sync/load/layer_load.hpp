#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "sync/load/infer.hpp"
#include "sync/load/load.hpp"
#include "sync/load/load_input.hpp"
#include "sync/load/load_progress.hpp"
#include "sync/load/row_encoder.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {

/// One layer's load, from its files to the swap.
class layer_load {
 public:
  layer_load(const config& settings, const load_options& options, load_job job);

  /// The whole of it on a session of its own. What a person should know goes to stderr.
  boost::asio::awaitable<result<void>> run(postgres::connection& db);

  const std::string& catalog_entry() const noexcept { return yaml_; }  ///< of a new layer; else empty

 private:
  struct reject {
    std::size_t file = 0;
    std::uint64_t line = 0;  ///< 0: not known
    std::string reason, raw, key;
  };
  struct counts {
    std::int64_t read = 0, stored = 0, rejected = 0, replaced = 0, different = 0;
    std::uint64_t bytes = 0;
  };

  boost::asio::awaitable<result<void>> find_table(postgres::connection& db);
  boost::asio::awaitable<result<void>> find_new_table(postgres::connection& db);
  result<void> infer();
  boost::asio::awaitable<result<void>> start_run(postgres::connection& db);
  boost::asio::awaitable<result<void>> fill(postgres::connection& db);
  boost::asio::awaitable<result<void>> make_staging(postgres::connection& db);
  boost::asio::awaitable<result<void>> copy_file(postgres::connection& db, std::size_t file);
  boost::asio::awaitable<result<void>> choose_key(postgres::connection& db);
  boost::asio::awaitable<result<void>> check_and_index(postgres::connection& db);
  boost::asio::awaitable<result<void>> swap(postgres::connection& db);
  boost::asio::awaitable<void> record_failure(postgres::connection& db, failure f);

  result<void> bind(const row_source& source, std::size_t file, std::optional<std::size_t>& known);
  void add_reject(reject r);
  void add_removed(const removed_rows& removed, bool lines_known);
  void take(const source_row& row, std::size_t file, std::string& out);
  bool refused() const noexcept { return counts_.rejected > options_.max_errors; }
  failure refusal() const;
  std::string place_of(std::size_t file, std::uint64_t line) const;
  std::string copy_sql() const;
  std::string record_sql() const;
  std::string geometry_sql() const;
  bool has_column(std::string_view name) const;
  void summary() const;

  const config& settings_;
  const load_options& options_;
  load_job job_;
  layer_config layer_;  // of a new one: name, table, key
  std::optional<inferred_table> inferred_;
  table_shape shape_;
  std::vector<target_column> columns_;
  std::unique_ptr<row_encoder> encoder_;
  std::int64_t run_id_ = 0;
  counts counts_;
  line_map lines_;
  std::vector<reject> rejects_;  // those that are recorded: at most max_errors
  std::int64_t said_ = 0, warned_ = 0;
  std::string yaml_;
  load_progress progress_;
  steady::time_point start_ = steady::now();
};

}  // namespace gridlight::sync
