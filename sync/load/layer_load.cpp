#include "sync/load/layer_load.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <charconv>
#include <iostream>

#include "server/config_values.hpp"
#include "sync/command.hpp"
#include "sync/load/mapping.hpp"
#include "sync/load/replaced.hpp"
#include "sync/load/values.hpp"
#include "sync/swap.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

awaitable<result<void>> execute(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

std::uint64_t total_size(const load_job& job) {
  std::uint64_t total = 0;
  for (const load_file& file : job.files) {
    const std::uint64_t size = size_of(file);
    if (size == 0) return 0;
    total += size;
  }
  return total;
}

std::optional<std::int64_t> zone_of(const load_options& options) {
  return options.timezone.empty() ? std::nullopt : read_offset(options.timezone);
}

// Shows the progress while Postgres works and nothing else moves. Ends, without a look at it, once `stop` is
// set.
awaitable<void> keep_ticking(load_progress& shown, std::shared_ptr<boost::asio::steady_timer> timer,
                             std::shared_ptr<bool> stop) {
  while (!*stop) {
    shown.tick();
    timer->expires_after(std::chrono::milliseconds{100});
    boost::system::error_code cancelled;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
}

// Index work is what a load spends half its time on; a session's default of 64 MB makes it slower.
constexpr std::string_view begin_sql =
    "BEGIN; SELECT set_config('maintenance_work_mem', '256MB', true) "
    "WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < 268435456";

}  // namespace

layer_load::layer_load(const config& settings, const load_options& options, load_job job)
    : settings_(settings), options_(options), job_(std::move(job)), progress_(total_size(job_)) {}

awaitable<result<void>> layer_load::run(connection& db) {
  const auto ready =
      co_await db.execute("SELECT to_regclass('gridlight.layer_state') IS NOT NULL", command_deadline());
  if (!ready) co_return ready.error();
  if (ready->text(0, 0) != "t")
    co_return failure{errc::schema_mismatch,
                      "the database has no gridlight schema: run gridlight migrate first"};
  auto step = co_await lock_layer(db, job_.layer);
  if (step) step = co_await remove_stale(db);
  if (step && options_.create) step = co_await find_new_table(db);
  if (step && !options_.create) step = co_await find_table(db);
  if (step) step = co_await start_run(db);
  if (!step) co_return step;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto stop = std::make_shared<bool>(false);
  const auto timer = std::make_shared<boost::asio::steady_timer>(executor);
  boost::asio::co_spawn(executor, keep_ticking(progress_, timer, stop), boost::asio::detached);
  step = co_await fill(db);
  if (step) step = co_await swap(db);
  *stop = true;
  timer->cancel();
  progress_.clear();
  if (!step) co_await record_failure(db, step.error());
  summary();
  co_return step;
}

awaitable<result<void>> layer_load::find_table(connection& db) {
  const auto it = std::find_if(settings_.layers.begin(), settings_.layers.end(),
                               [&](const layer_config& l) { return l.name == job_.layer; });
  if (it == settings_.layers.end()) {
    std::string known;
    for (const layer_config& l : settings_.layers)
      known.append(known.empty() ? "" : ", ").append(l.name);
    co_return failure{errc::input, "no layer is called " + job_.layer + "; there are " + known};
  }
  layer_ = *it;
  if (layer_.mode != layer_mode::managed)
    co_return failure{errc::conflict, layer_.name + " is " + std::string{name(layer_.mode)} +
                                          ": only a managed layer's table is gridlight's to replace"};
  auto shape = co_await read_shape(db, layer_.schema, layer_.table);
  if (!shape) co_return shape.error();
  shape_ = std::move(*shape);
  auto columns = co_await read_target(db, layer_.schema, layer_.table);
  if (!columns) co_return columns.error();
  columns_ = std::move(*columns);
  co_return result<void>{};
}

awaitable<result<void>> layer_load::find_new_table(connection& db) {
  if (!config_detail::is_layer_name(job_.layer))
    co_return failure{errc::input,
                      "\"" + job_.layer + "\" is no layer name ([a-z][a-z0-9_]*, at most 60): see --layer"};
  layer_.name = layer_.table = job_.layer;
  shape_.schema = layer_.schema;
  shape_.name = layer_.table;
  const std::string table = qualified(shape_.schema, shape_.name);
  const auto there = co_await db.execute(
      "SELECT to_regclass(" + connection::quote_literal(table) + ") IS NOT NULL", command_deadline());
  if (!there) co_return there.error();
  if (there->text(0, 0) == "t")
    co_return failure{errc::conflict,
                      table + " exists: load into its layer without --create, or drop it first"};
  const auto inferred = infer();
  if (!inferred) co_return inferred.error();
  co_return result<void>{};
}

result<void> layer_load::infer() {
  inference evidence{zone_of(options_).has_value(), options_.map};
  std::uint64_t before = 0;
  for (load_file& file : job_.files) {
    if (file.path == "-" && !file.spooled) {
      if (auto kept = spool(file); !kept) return kept.error();
    }
    const auto source = open_load_file(file);
    if (!source) return failure{errc::input, file.path + ": " + source.error().detail};
    std::uint64_t rows = 0;
    for (source_row row;; ++rows) {
      const auto more = (*source)->next(row);
      if (!more) return failure{errc::input, file.path + ": " + more.error().detail};
      if (!*more) break;
      evidence.see(row, (*source)->columns(), (*source)->has_features());
      if (rows % 256 == 0) progress_.update(job_.layer + ": looking", rows, before + (*source)->consumed());
    }
    before += (*source)->consumed();
  }
  inferred_ = evidence.result();
  columns_ = inferred_->columns;
  if (columns_.empty())
    return failure{errc::input, job_.files[0].path + ": there is no column and no geometry"};
  return {};
}

awaitable<result<void>> layer_load::start_run(connection& db) {
  std::string sql = "INSERT INTO gridlight.sync_run (layer, mode) VALUES (";
  sql.append(connection::quote_literal(job_.layer)).append(", 'load') RETURNING run_id");
  const auto row = co_await db.execute(sql, command_deadline());
  if (!row) co_return row.error();
  const std::string_view id = row->text(0, 0);
  std::from_chars(id.data(), id.data() + id.size(), run_id_);
  co_return result<void>{};
}

awaitable<result<void>> layer_load::make_staging(connection& db) {
  if (!inferred_) co_return co_await create_staging(db, shape_, run_id_);
  if (inferred_->key_candidates.empty()) {
    const bool free = find_column(columns_, "id") == nullptr;
    layer_.key = {free ? "id" : "row_id"};
  }
  const std::string key = layer_.key.empty() ? std::string{} : layer_.key[0];
  co_return co_await execute(db, create_table_sql(qualified(shape_.schema, staging_name(run_id_)), *inferred_,
                                                  key, inferred_->key_candidates.empty()));
}

awaitable<result<void>> layer_load::fill(connection& db) {
  encoder_ = std::make_unique<row_encoder>(columns_, zone_of(options_));
  auto step = co_await execute(db, std::string{begin_sql});
  if (step) step = co_await make_staging(db);
  for (std::size_t file = 0; step && file < job_.files.size(); ++file)
    step = co_await copy_file(db, file);
  if (step && refused()) step = refusal();
  if (step && inferred_) step = co_await choose_key(db);
  if (step) step = co_await check_and_index(db);
  if (step && refused()) step = refusal();
  if (step) step = check_shrink(job_, counts_.stored, options_.allow_shrink);
  if (step) step = co_await execute(db, "COMMIT; ANALYZE " + qualified(shape_.schema, staging_name(run_id_)));
  if (!step && !db.broken()) co_await execute(db, "ROLLBACK");
  co_return step;
}

// Columns of a feature file become known as they appear: the mapping is made anew whenever there are more.
// What COPY writes must stay the same.
result<void> layer_load::bind(const row_source& source, std::size_t file, std::optional<std::size_t>& known) {
  const std::vector<std::string>& names = source.columns();
  if (known == names.size()) return {};
  mapping_options how{options_.map, options_.ignore_extra};
  if (inferred_) {
    how.renames.clear();
    for (const auto& rename : inferred_->renames)
      if (std::find(names.begin(), names.end(), rename.second) != names.end()) how.renames.push_back(rename);
  }
  auto mapping = map_columns(columns_, names, layer_.key, source.has_features(), how);
  if (!mapping) return failure{errc::input, job_.files[file].path + ": " + mapping.error().detail};
  if (known) {
    const auto& before = encoder_->mapping().bindings;
    const bool same =
        std::equal(before.begin(), before.end(), mapping->bindings.begin(), mapping->bindings.end(),
                   [](const binding& a, const binding& b) { return a.target == b.target; });
    if (!same)
      return failure{errc::input,
                     job_.files[file].path + ": \"" + names.back() +
                         "\", which has a default in the table, is missing in the first feature"};
  }
  encoder_->bind(std::move(*mapping));
  known = names.size();
  return {};
}

std::string layer_load::copy_sql() const {
  std::string list;
  for (const binding& b : encoder_->mapping().bindings)
    list.append(list.empty() ? "" : ", ").append(connection::quote_identifier(columns_[b.target].name));
  // Frozen: the table was made in this transaction, so nobody can see its rows before they are committed.
  return "COPY " + qualified(shape_.schema, staging_name(run_id_)) + " (" + list +
         ") FROM STDIN (FORMAT binary, FREEZE)";
}

void layer_load::take(const source_row& row, std::size_t file, std::string& out) {
  ++counts_.read;
  std::string reason = row.error.empty() ? encoder_->encode(row, out) : row.error;
  if (!reason.empty()) {
    add_reject({file, row.line, std::move(reason), std::string{row.raw.substr(0, 2000)}, {}});
    return;
  }
  ++counts_.stored;
  lines_.add(file, row.line);
  if (encoder_->difference().empty()) return;
  ++counts_.different;
  if (++warned_ <= 20) progress_.say(place_of(file, row.line) + ": note: " + encoder_->difference());
}

awaitable<result<void>> layer_load::copy_file(connection& db, std::size_t file) {
  constexpr std::size_t chunk = 256 * 1024;
  const load_file& input = job_.files[file];
  const auto named = [&](const failure& f) {
    return failure{f.code, input.path + ": " + f.detail, {}, f.log_detail};
  };
  auto source = open_load_file(input);
  if (!source) co_return named(source.error());
  source_row row;
  auto more = (*source)->next(row);
  if (!more) co_return named(more.error());
  std::optional<std::size_t> known;
  if (!*more && (*source)->has_features()) co_return result<void>{};
  auto step = bind(**source, file, known);
  if (!step) co_return step;
  std::string out;
  bool copying = !refused();
  if (copying) {
    step = co_await db.copy_begin(copy_sql(), command_deadline());
    out = row_encoder::header();
  }
  while (step && *more) {
    step = bind(**source, file, known);
    if (!step) break;
    take(row, file, out);
    if (copying && refused()) {
      // Nothing will be stored; the rest is read only to count what is wrong with it.
      co_await db.copy_abort("too many bad rows", command_deadline());
      step = co_await execute(db, "ROLLBACK");
      copying = false;
    }
    if (!copying) out.clear();
    if (out.size() >= chunk) {
      step = co_await db.copy_put(std::as_bytes(std::span{out}), command_deadline());
      out.clear();
      progress_.update(job_.layer, static_cast<std::uint64_t>(counts_.read),
                       counts_.bytes + (*source)->consumed());
      if (!step) break;
    }
    more = (*source)->next(row);
    if (!more) step = named(more.error());
    if (!step) break;
  }
  counts_.bytes += (*source)->consumed();
  if (copying && step) {
    out += row_encoder::trailer();
    step = co_await db.copy_put(std::as_bytes(std::span{out}), command_deadline());
    if (step) {
      const auto stored = co_await db.copy_finish(command_deadline());
      if (!stored) step = stored.error();
    }
  } else if (copying && !db.broken()) {
    co_await db.copy_abort("the load failed", command_deadline());
  }
  co_return step;
}

awaitable<result<void>> layer_load::choose_key(connection& db) {
  if (layer_.key.empty()) {
    for (const std::string& candidate : inferred_->key_candidates) {
      const auto unique = co_await is_unique(db, shape_, run_id_, candidate);
      if (!unique) co_return unique.error();
      if (!*unique) continue;
      layer_.key = {candidate};
      break;
    }
  }
  if (layer_.key.empty()) {
    layer_.key = {find_column(columns_, "id") == nullptr ? "id" : "row_id"};
    const auto added = co_await execute(db, "ALTER TABLE " + qualified(shape_.schema, staging_name(run_id_)) +
                                                " ADD COLUMN " + connection::quote_identifier(layer_.key[0]) +
                                                " bigint GENERATED BY DEFAULT AS IDENTITY");
    if (!added) co_return added.error();
  }
  const std::string stem = shape_.name.substr(0, 58), key = connection::quote_identifier(layer_.key[0]);
  shape_.indexes.push_back({stem + "_pkey", "USING btree (" + key + ")", true, "PRIMARY KEY", layer_.key});
  if (!inferred_->geometry.empty()) {
    const std::string geometry = connection::quote_identifier(inferred_->geometry);
    shape_.indexes.push_back({stem + "_geom", "USING gist (" + geometry + ")", false, {}, {}});
    shape_.indexes.push_back({stem + "_geog", "USING gist ((" + geometry + "::geography))", false, {}, {}});
  }
  co_return result<void>{};
}

awaitable<result<void>> layer_load::check_and_index(connection& db) {
  progress_.update(job_.layer + ": checks and indexes", static_cast<std::uint64_t>(counts_.read),
                   counts_.bytes);
  const auto removed = co_await finish_staging(db, shape_, run_id_, options_.duplicates);
  if (!removed) co_return removed.error();
  // Ordinals count what was there before the first removal.
  for (std::size_t i = 0; i < removed->size(); ++i)
    add_removed((*removed)[i], i == 0);
  co_return result<void>{};
}

void layer_load::add_removed(const removed_rows& removed, bool lines_known) {
  counts_.stored -= removed.count;
  if (options_.duplicates == duplicate_rule::last && removed.reason.starts_with("duplicate")) {
    counts_.replaced += removed.count;
    return;
  }
  for (const removed_rows::row& row : removed.first) {
    const auto place = lines_known ? lines_.find(row.ordinal) : std::nullopt;
    const auto other = lines_known ? lines_.find(row.other) : std::nullopt;
    std::string reason = removed.reason;
    if (!row.key.empty()) reason.append(" \"").append(row.key).append("\"");
    if (other) reason.append(" (first in ").append(place_of(other->file, other->line)).append(")");
    add_reject({place ? place->file : 0, place ? place->line : 0, std::move(reason), {}, row.key});
  }
  counts_.rejected += removed.count - std::ssize(removed.first);
}

void layer_load::add_reject(reject r) {
  ++counts_.rejected;
  if (++said_ <= 20) progress_.say(place_of(r.file, r.line) + ": " + r.reason);
  if (counts_.rejected <= options_.max_errors) rejects_.push_back(std::move(r));
}

std::string layer_load::place_of(std::size_t file, std::uint64_t line) const {
  std::string out = job_.files[file].path == "-" ? "(standard input)" : job_.files[file].path;
  if (line > 0) out.append(":").append(std::to_string(line));
  return out;
}

failure layer_load::refusal() const {
  return {errc::input,
          fmt::format("{}: {} bad row{} where at most {} {} accepted (--max-errors): nothing was changed",
                      job_.layer, counts_.rejected, counts_.rejected == 1 ? "" : "s", options_.max_errors,
                      options_.max_errors == 1 ? "is" : "are")};
}

void layer_load::summary() const {
  const double seconds = ms_since(start_) / 1000;
  std::string line = fmt::format("{}: {} rows read, {} stored, {} rejected", job_.layer, counts_.read,
                                 counts_.stored, counts_.rejected);
  if (counts_.replaced > 0) line += fmt::format(", {} replaced by later ones", counts_.replaced);
  if (counts_.stored > 0 && job_.rows_before > 0) line += fmt::format(", in place of {}", job_.rows_before);
  if (counts_.different > 0) line += fmt::format(", {} with a geometry that differs", counts_.different);
  std::cerr << fmt::format("{}, {:.1f} s, {:.0f} rows/s\n", line, seconds,
                           static_cast<double>(counts_.read) / seconds)
            << std::flush;
}

}  // namespace gridlight::sync
