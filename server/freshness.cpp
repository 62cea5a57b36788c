#include "server/freshness.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "server/tile_rules.hpp"

namespace gridlight {
namespace asio = boost::asio;
namespace {

namespace oid = postgres::oid;

// A reading that took longer would not be trusted any more. Who knows nothing yet, or fell behind, has more
// to read: he is given more and more time.
constexpr auto patience = version_store::trusted_for;
constexpr std::chrono::milliseconds longest_patience{15'000};
// That others wait for the database, too, is told by them.
constexpr std::chrono::seconds told_after{3};
constexpr std::chrono::seconds listen_again_after{1}, still_there_after{30}, answer_within{5};

// What tells of where versions come from: id, server, timeline. Some may not ask the server, and before
// schema 8 there is none. A dump that was restored into the same database brings its id along, into another
// table. A replica's timeline is that of its last restart point.
constexpr std::array<std::string_view, 3> origins{
    R"((SELECT concat(id, ' ', tableoid::int8) FROM gridlight.history), (SELECT system_identifier FROM pg_control_system()),
       (SELECT CASE WHEN pg_is_in_recovery() THEN timeline_id::int8
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END
        FROM pg_control_checkpoint()))",
    "(SELECT concat(id, ' ', tableoid::int8) FROM gridlight.history), NULL::int8, NULL::int8",
    "NULL::text, NULL::int8, NULL::int8"};
constexpr std::chrono::seconds ask_for_all_every{10};

// $1: {"layer": version known}. A row a change; of a layer without new ones a row with none. Of too many the
// newest, whole versions: layer_knowledge::most_changes.
std::string changes_sql(std::string_view origin) {
  return R"(
SELECT s.layer, s.version, s.change_floor, t.version, t.detail_zoom, c.version, c.envelope IS NULL,
       (SELECT string_agg(concat_ws(' ', ST_XMin(e.geom), ST_YMin(e.geom), ST_XMax(e.geom), ST_YMax(e.geom)), ' ')
        FROM ST_Dump(c.envelope) e WHERE NOT ST_IsEmpty(e.geom)),
       (SELECT oid::int8 FROM pg_database WHERE datname = current_database()), t.rules_hash, t.places, )" +
         std::string{origin} + R"(
FROM gridlight.layer_state s
LEFT JOIN (SELECT s.*, )" +
         std::string{rules_hash_sql} + " AS rules_hash, " + std::string{place_version_sql} + R"( AS places
           FROM gridlight.tile_state s OFFSET 0) t ON t.layer = s.layer
LEFT JOIN LATERAL (
  SELECT o.version, o.envelope FROM gridlight.layer_change o WHERE o.layer = s.layer
    AND o.version > greatest(s.change_floor, coalesce(($1::json ->> s.layer)::bigint, 0)) AND o.version <= s.version
  ORDER BY o.version DESC FETCH FIRST 8192 ROWS WITH TIES) c ON true
ORDER BY s.layer, c.version)";
}

enum column : int {
  layer,
  version,
  floor_of,
  tiles_version,
  detail_zoom,
  changed,
  everything,
  boxes,
  database,
  tiles_rules,
  tiles_places,
  history_id,
  system,
  timeline
};

const postgres::statement& all_changes(std::size_t asks_for) {
  static const auto with = [](std::string_view origin) {
    return postgres::statement{
        changes_sql(origin),
        {oid::text},
        {oid::text, oid::int8, oid::int8, oid::int8, oid::int4, oid::int8, oid::boolean, oid::text, oid::int8,
         oid::int8, oid::int8, oid::text, oid::int8, oid::int8}};
  };
  static const std::array<postgres::statement, origins.size()> all{with(origins[0]), with(origins[1]),
                                                                   with(origins[2])};
  return all[asks_for];
}

// Of a database whose schema is older than the change rows' rules.
const postgres::statement& all_versions() {
  static const postgres::statement s{
      "SELECT layer, version, (SELECT oid::int8 FROM pg_database WHERE datname = current_database()) "
      "FROM gridlight.layer_state",
      {},
      {oid::text, oid::int8, oid::int8}};
  return s;
}

data_origin read_origin(const postgres::result_set& rows) {
  data_origin out;
  if (rows.rows() == 0) return out;
  if (!rows.is_null(0, history_id)) out.id = rows.text(0, history_id);
  if (!rows.is_null(0, system)) out.system = rows.integer(0, system);
  if (!rows.is_null(0, timeline)) out.timeline = rows.integer(0, timeline);
  return out;
}

std::string known_json(const version_store& store) {
  std::string out = "{";
  if (const auto known = store.last())
    for (const auto& [name, at] : *known)
      out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":").append(std::to_string(at));
  return out + "}";
}

// Four numbers a box.
std::vector<geo::bbox> read_boxes(std::string_view text) {
  std::vector<double> numbers;
  for (const char *at = text.data(), *end = at + text.size(); at < end; ++at) {
    double value = 0;
    const auto read = std::from_chars(at, end, value);
    if (read.ec != std::errc{}) break;
    numbers.push_back(value);
    at = read.ptr;
  }
  std::vector<geo::bbox> out;
  for (std::size_t i = 0; i + 3 < numbers.size(); i += 4)
    out.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]});
  return out;
}

version_store::readings read_rows(const postgres::result_set& rows) {
  version_store::readings out;
  for (int row = 0; row < rows.rows(); ++row) {
    version_store::reading& of = out[std::string{rows.text(row, layer)}];
    of.version = rows.integer(row, version);
    of.floor = rows.integer(row, floor_of);
    if (!rows.is_null(row, tiles_version))
      of.tiles = {rows.integer(row, tiles_version), static_cast<int>(rows.integer(row, detail_zoom)),
                  rows.integer(row, tiles_rules),
                  rows.is_null(row, tiles_places) ? 0 : rows.integer(row, tiles_places)};
    if (rows.is_null(row, changed)) continue;
    layer_change& change = of.changes.emplace_back();
    change.version = rows.integer(row, changed);
    change.everything = rows.boolean(row, everything);
    if (!rows.is_null(row, boxes)) change.envelopes = read_boxes(rows.text(row, boxes));
  }
  return out;
}

}  // namespace

freshness_keeper::freshness_keeper(asio::any_io_executor executor, version_store& store, postgres::pool& pool,
                                   std::chrono::milliseconds every,
                                   std::optional<postgres::connect_options> listen_with)
    : store_(store),
      pool_(pool),
      every_(every),
      listen_with_(std::move(listen_with)),
      timer_(executor),
      pause_(executor),
      ended_(executor, steady::time_point::max()),
      patience_(longest_patience) {}

void freshness_keeper::start() {
  ++running_;
  asio::co_spawn(timer_.get_executor(), poll(), asio::detached);
  if (!listen_with_) return;
  ++running_;
  asio::co_spawn(timer_.get_executor(), hear(), asio::detached);
}

void freshness_keeper::one_ended() {
  if (--running_ == 0) ended_.cancel();
}

asio::awaitable<void> freshness_keeper::poll() {
  while (!stopping_) {
    notified_ = false;
    co_await read_once();
    if (stopping_) break;
    if (notified_) continue;
    timer_.expires_after(every_);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  one_ended();
}

void freshness_keeper::stop() {
  stopping_ = true;
  timer_.cancel();
  pause_.cancel();
  if (listening_ != nullptr) listening_->give_up("the server stops", false);
}

asio::awaitable<void> freshness_keeper::finished() {
  boost::system::error_code woken;
  while (running_ > 0)
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

// That the database is away is told by the pool; what goes wrong with this reading alone nobody else would
// tell.
void freshness_keeper::failed(const failure& f) {
  if (f.code == errc::deadline) patience_ = std::min(2 * patience_, longest_patience);
  const auto since = std::max(began_, store_.asked_at());
  if (told_ || stopping_ || f.code == errc::database_unavailable || steady::now() - since < told_after)
    return;
  told_ = true;
  spdlog::warn(
      "postgres: the layers' versions have not been read for {:.0f} s: {}: {} {}; until they are, nothing "
      "that is "
      "kept counts as fresh",
      ms_since(since) / 1000, describe(f.code).slug, f.detail, f.log_detail.substr(0, 300));
}

void freshness_keeper::succeeded() {
  patience_ = patience;
  if (std::exchange(told_, false)) spdlog::info("postgres: the layers' versions are read again");
}

asio::awaitable<void> freshness_keeper::read_once() {
  const bool read = co_await read_changes();
  if (!read) co_await read_versions();
}

// False: there are no change rows as we know them.
asio::awaitable<bool> freshness_keeper::read_changes() {
  const auto asked = steady::now();
  postgres::query_timing timing;
  postgres::arguments known;
  known.add_text(known_json(store_));
  if (asks_for_ > 0 && asked >= ask_for_all_at_) asks_for_ = 0;
  auto rows = co_await pool_.query(postgres::lane::admin, all_changes(asks_for_), known, asked + patience_,
                                   timing, postgres::share::yes);
  while (!rows && rows.error().code == errc::schema_mismatch && asks_for_ + 1 < origins.size()) {
    ++asks_for_;
    ask_for_all_at_ = asked + ask_for_all_every;
    rows = co_await pool_.query(postgres::lane::admin, all_changes(asks_for_), known, asked + patience_,
                                timing, postgres::share::yes);
  }
  if (!rows && rows.error().code == errc::schema_mismatch) co_return false;
  if (!rows) {
    failed(rows.error());
    co_return true;
  }
  succeeded();
  store_.learn(read_rows(*rows), asked, rows->rows() > 0 ? rows->integer(0, database) : 0,
               read_origin(*rows));
  co_return true;
}

asio::awaitable<void> freshness_keeper::read_versions() {
  const auto asked = steady::now();
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto rows = co_await pool_.query(postgres::lane::admin, all_versions(), none, asked + patience_,
                                         timing, postgres::share::yes);
  if (!rows) {
    if (rows.error().code != errc::schema_mismatch) failed(rows.error());  // a database without versions
    co_return;
  }
  succeeded();
  version_store::versions now;
  for (int row = 0; row < rows->rows(); ++row)
    now.emplace(rows->text(row, 0), rows->integer(row, 1));
  store_.set(now, asked, rows->rows() > 0 ? rows->integer(0, 2) : 0);
}

asio::awaitable<void> freshness_keeper::hear() {
  while (!stopping_) {
    co_await hear_one_session();
    if (stopping_) break;
    pause_.expires_after(listen_again_after);
    boost::system::error_code woken;
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  one_ended();
}

asio::awaitable<void> freshness_keeper::hear_one_session() {
  auto db =
      co_await postgres::connection::open(timer_.get_executor(), *listen_with_, deadline_in(answer_within));
  if (!db || stopping_) co_return;
  listening_ = &*db;
  auto heard = co_await db->execute("LISTEN gridlight", deadline_in(answer_within));
  while (heard && !stopping_) {
    const auto told = co_await db->notification(deadline_in(still_there_after));
    if (!told || stopping_) break;
    if (*told) {
      notified_ = true;
      timer_.cancel();
    } else {
      heard = co_await db->execute("SELECT 1", deadline_in(answer_within));
    }
  }
  listening_ = nullptr;
}

}  // namespace gridlight
