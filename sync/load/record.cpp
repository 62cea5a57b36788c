#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iostream>

#include "sync/command.hpp"
#include "sync/derived.hpp"
#include "sync/load/layer_load.hpp"
#include "sync/load/storable.hpp"
#include "sync/swap.hpp"

// The end of a load: the swap, and what gridlight.sync_run and gridlight.sync_error say of it.
namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

}  // namespace

std::string layer_load::geometry_sql() const {
  if (inferred_) return inferred_->geometry.empty() ? "" : connection::quote_identifier(inferred_->geometry);
  return place_sql(layer_, columns_);
}

bool layer_load::has_column(std::string_view name) const {
  return std::any_of(columns_.begin(), columns_.end(), [&](const auto& c) { return c.name == name; });
}

std::string layer_load::record_sql() const {
  std::string sql = fmt::format(
      "SELECT gridlight.sync_own({4}); "
      "UPDATE gridlight.sync_run SET status = 'success', finished_at = clock_timestamp(), rows_read = {0}, "
      "rows_written = {1}, rows_rejected = {2}, bytes = {3} WHERE run_id = {4}",
      counts_.read, counts_.stored, counts_.rejected, counts_.bytes, run_id_);
  const std::string owed = owe_sql(shape_.schema, shape_.name, run_id_);
  if (!owed.empty()) sql += "; " + owed.substr(0, owed.size() - 2);
  if (inferred_) {
    std::string circuit;  // of a new table of a layer that is declared already
    for (const layer_config& l : settings_.layers)
      if (l.name == layer_.name && has_column(l.circuit)) circuit = connection::quote_literal(l.circuit);
    sql += fmt::format(
        "; SELECT gridlight.watch({}, {}, {}, ARRAY[{}]::text[])", connection::quote_literal(layer_.name),
        connection::quote_literal(qualified(shape_.schema, shape_.name)),
        inferred_->geometry.empty() ? "NULL" : connection::quote_literal(geometry_sql()), circuit);
  }
  for (std::size_t i = 0; i < rejects_.size(); ++i) {
    const reject& r = rejects_[i];
    sql += i % 500 == 0 ? "; INSERT INTO gridlight.sync_error (run_id, layer, key, reason, payload) VALUES "
                        : ", ";
    sql += fmt::format("({}, {}, {}, {}, jsonb_build_object('file', {}, 'line', {}::bigint, 'row', {}))",
                       run_id_, connection::quote_literal(job_.layer),
                       r.key.empty() ? "NULL" : connection::quote_literal(storable(r.key)),
                       connection::quote_literal(storable(r.reason)),
                       connection::quote_literal(storable(place_of(r.file, 0))),
                       r.line > 0 ? std::to_string(r.line) : "NULL",
                       r.raw.empty() ? "NULL" : connection::quote_literal(storable(r.raw)));
  }
  return sql;
}

awaitable<result<void>> layer_load::swap(connection& db) {
  swap_request request;
  request.live = shape_;
  request.run_id = run_id_;
  request.geometry = geometry_sql();
  request.record_sql = record_sql();
  for (const layer_config& l : settings_.layers)
    if (l.schema == layer_.schema && l.table == layer_.table) request.layers.push_back(l.name);
  if (request.layers.empty()) request.layers.push_back(layer_.name);
  const auto done = co_await swap_in(db, std::move(request));
  if (!done) co_return done.error();
  const auto derived = co_await derive(db, run_id_, std::nullopt);
  if (!derived) std::cerr << "gridlight load: " << still_owed(derived.error()) << std::endl;
  if (inferred_) yaml_ = layer_yaml(layer_.name, *inferred_, layer_.key[0]);
  co_return result<void>{};
}

awaitable<void> layer_load::record_failure(connection& db, failure f) {
  if (db.broken()) co_return;
  const std::string sql = fmt::format(
      "DROP TABLE IF EXISTS {}; UPDATE gridlight.sync_run SET status = 'failed', finished_at = "
      "clock_timestamp(), "
      "rows_read = {}, rows_rejected = {}, bytes = {}, error = {} WHERE run_id = {}",
      qualified(shape_.schema, staging_name(run_id_)), counts_.read, counts_.rejected, counts_.bytes,
      connection::quote_literal(storable(f.detail)), run_id_);
  counts_.stored = 0;
  co_await db.execute(sql, command_deadline());
}

}  // namespace gridlight::sync
