#include "sync/generalize/keeper.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/tile_rules.hpp"
#include "sync/generalize/transaction.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync::generalize {
namespace asio = boost::asio;
using asio::awaitable;
namespace {

// News come at once; this is for those that were lost, and for what is tried again.
constexpr std::chrono::milliseconds look_every{1000}, first_pause{1000}, longest_pause{60'000},
    unpermitted_pause{300'000}, least_giving_way{300'000}, most_giving_way{3'600'000};
constexpr std::chrono::seconds query_timeout{10};

// Apart from the version of the places that it has.
std::string_view settings_of(std::string_view rules) {
  return rules.substr(0, rules.find(place_mark));
}

// Nothing where the schema is older than what we need.
constexpr std::string_view state_sql = R"(
SELECT s.layer, s.version, t.version, t.rules
FROM gridlight.layer_state s LEFT JOIN gridlight.tile_state t USING (layer))";

}  // namespace

keeper::keeper(asio::any_io_executor executor, const catalog_store& layers, const version_store& versions,
               postgres::connect_options connect)
    : layers_(layers),
      versions_(versions),
      connect_(std::move(connect)),
      timer_(executor),
      ended_(executor, steady::time_point::max()) {
  connect_.application_name = "gridlight tiles";
}

void keeper::start() {
  running_ = true;
  news_ = versions_.listen(timer_.get_executor(), [this](const std::shared_ptr<const news>&) {
    woken_ = true;
    timer_.cancel();
  });
  asio::co_spawn(timer_.get_executor(), run(), asio::bind_cancellation_slot(give_up_.slot(), asio::detached));
}

void keeper::stop() {
  stopping_ = true;
  news_.reset();
  timer_.cancel();
  // run() then waits until Postgres has ended what it runs: the process must not be gone before.
  give_up_.emit(asio::cancellation_type::terminal);
}

awaitable<void> keeper::finished() {
  boost::system::error_code woken;
  while (running_)
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

awaitable<void> keeper::pause(std::chrono::milliseconds time) {
  if (!woken_ && !stopping_) {
    timer_.expires_after(time);
    boost::system::error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  woken_ = false;
}

awaitable<void> keeper::run() {
  try {
    co_await sessions();
  } catch (const std::exception& e) {  // given up
    if (!stopping_) spdlog::error("the generalised tables are no longer kept: {}", e.what());
  }
  db_.reset();
  running_ = false;
  ended_.cancel();
}

awaitable<void> keeper::sessions() {
  while (!stopping_) {
    const auto executor = co_await asio::this_coro::executor;
    const deadline until = deadline_in(connect_.connect_timeout);
    auto opened = co_await postgres::connection::open(executor, connect_, until);
    if (opened && !stopping_) {
      db_.emplace(std::move(*opened));
      co_await session();
      db_.reset();
    }
    if (!stopping_) co_await pause(first_pause);
  }
}

awaitable<void> keeper::session() {
  while (!stopping_ && !db_->broken()) {
    auto stale = co_await find_stale();
    if (!stale) spdlog::debug("tiles: what is stale could not be read: {}", stale.error().log_detail);
    // One at a time, then a new look: a small change does not wait for all that are large.
    const bool any = stale && !stale->empty();
    if (any) {
      stale_layer first = std::move(stale->front());
      co_await build_one(std::move(first));
    } else {
      co_await pause(look_every);
    }
  }
}

awaitable<result<std::vector<keeper::stale_layer>>> keeper::find_stale() {
  std::vector<stale_layer> out;
  const auto known = layers_.get();
  if (!known) co_return out;
  const deadline until = deadline_in(query_timeout);
  const auto rows = co_await db_->execute(state_sql, until);
  if (!rows) co_return rows.error();
  std::map<std::string, int, std::less<>> found;
  for (int row = 0; row < rows->rows(); ++row)
    found.emplace(rows->text(row, 0), row);
  for (const layer& l : known->layers()) {
    const auto at = found.find(l.config.name);
    if (at == found.end() || !may_have_tiles(l)) continue;
    const auto place = l.snap ? found.find(l.snap->layer) : found.end();
    stale_layer s{l, integer(*rows, at->second, 1), {}, !rows->is_null(at->second, 2)};
    s.rules = current_rules(l, place == found.end() ? std::string_view{} : rows->text(place->second, 1));
    const bool same_rules = s.has_table && rows->text(at->second, 3) == s.rules;
    const std::string_view in_table = s.has_table ? rows->text(at->second, 3) : std::string_view{};
    const bool yields = gives_way(l.config.name, settings_of(s.rules), settings_of(in_table));
    if (yields || (same_rules && integer(*rows, at->second, 2) == s.version)) continue;
    const attempt& last = attempts_[l.config.name];
    const bool settled = last.settled && last.version == s.version && last.rules == s.rules && !s.has_table;
    if (settled || steady::now() < last.not_before) continue;
    s.has_table = same_rules;
    out.push_back(std::move(s));
  }
  std::stable_sort(out.begin(), out.end(), [](const stale_layer& a, const stale_layer& b) {
    if (a.has_table != b.has_table) return a.has_table;
    return a.what.estimated_rows < b.what.estimated_rows;
  });
  co_return out;
}

bool keeper::gives_way(const std::string& layer, std::string_view ours, std::string_view in_table) {
  rivalry& r = rivals_[layer];
  if (in_table == ours) r.stands(ours);
  if (in_table == ours || in_table.empty() || r.stood != ours) return false;
  if (r.rival != in_table) {
    r.rival = in_table;
    r.wait = std::clamp(r.wait * 2, least_giving_way, most_giving_way);
    r.until = steady::now() + r.wait;
    spdlog::warn(
        "the generalised table of {} was made anew by somebody with other settings of this layer: it is left "
        "as it is "
        "for {} min, and low zooms are drawn from the layer itself here; servers of one database need the "
        "same layers",
        layer, std::chrono::duration_cast<std::chrono::minutes>(r.wait).count());
  }
  return steady::now() < r.until;
}

awaitable<void> keeper::build_one(stale_layer s) {
  const std::string& layer = s.what.config.name;
  attempt& a = attempts_[layer];
  const auto start = steady::now();
  const auto done = co_await build(*db_, s.what);
  const auto ms = ms_since(start);
  if (stopping_) co_return;
  if (!done) co_return failed(a, layer, done.error());
  if (done->what == outcome::kind::busy) {
    a.not_before = steady::now() + std::chrono::milliseconds{250};
    co_return;
  }
  a = attempt{};
  a.version = s.version;
  a.rules = s.rules;
  a.settled = done->what == outcome::kind::none || done->what == outcome::kind::removed;
  // A layer that has no table is counted anew after each change: not all the time, when that takes long.
  if (a.settled) a.not_before = steady::now() + std::chrono::milliseconds{static_cast<std::int64_t>(ms * 20)};
  // That there is none is our table, too: whoever makes one then has other settings.
  if (a.settled) rivals_[layer].stands(settings_of(s.rules));
  if (done->what == outcome::kind::built)
    spdlog::info("tiles of {}: {} rows for zooms below {}, version {}, built in {:.1f} s", layer, done->rows,
                 done->detail, done->version, ms / 1000);
  else
    spdlog::debug("tiles of {}: {}, {} rows, version {}, {:.0f} ms", layer, name(done->what), done->rows,
                  done->version, ms);
}

void keeper::failed(attempt& a, const std::string& layer, const failure& f) {
  if (is_sqlstate(f, "42501")) {
    a.not_before = steady::now() + unpermitted_pause;
    if (!told_to_grant_)
      spdlog::warn(
          "the generalised tables of low zooms cannot be kept ({}): run gridlight tiles build as a role that "
          "may, and "
          "set tiles.build to false; or let this one: GRANT USAGE, CREATE ON SCHEMA gridlight_tiles TO role; "
          "GRANT "
          "INSERT, UPDATE, DELETE ON gridlight.tile_state TO role; tables made by another role have to be "
          "dropped or "
          "given to it",
          f.log_detail);
    told_to_grant_ = true;
    return;
  }
  a.pause = std::clamp(a.pause * 2, first_pause, longest_pause);
  a.not_before = steady::now() + a.pause;
  // That the database is away is told by those who ask it for answers.
  if (f.code != errc::database_unavailable && (a.failure != f.log_detail || a.failure.empty()))
    spdlog::warn("the tiles of {} could not be built, it is tried again: {} {}", layer, f.detail,
                 f.log_detail.substr(0, 500));
  a.failure = f.log_detail.empty() ? f.detail : f.log_detail;
}

}  // namespace gridlight::sync::generalize
