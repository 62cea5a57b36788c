#include "api/event_source.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/layer_sql.hpp"
#include "api/substation_status.hpp"
#include "geo/wkb.hpp"

namespace gridlight::api {
namespace asio = boost::asio;
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds patience = 5s, again_after = 500ms, most_often = 50ms;
// Tables that tell nothing of their changes are looked at.
constexpr std::chrono::seconds look_every = 3s;
// As substations.cpp counts them.
constexpr std::string_view open_condition = "t.status IS DISTINCT FROM 'RESTORED'";
constexpr std::int64_t most_outages = 20'000;

bool is_of_grid(std::string_view layer) noexcept {
  return layer == substations_layer || layer == circuits_layer || layer == outages_layer;
}

// This server has no such table, or another one: not a matter of time.
bool is_final(errc code) noexcept {
  return code == errc::not_found || code == errc::schema_mismatch || code == errc::forbidden ||
         code == errc::internal;
}

// Of a layer whose table tells nothing the name may be known all the same: as that of another table.
told_versions told_of(const version_store::knowledge& known, const catalog* all) {
  told_versions out;
  out.mark = known.mark;
  for (const auto& [name, k] : known) {
    const layer* const l = all == nullptr ? nullptr : all->find(name);
    if (l != nullptr && !l->versioned) continue;
    // Nor is a table that was made by other rules one of ours, yet.
    const bool low = k->tiles && (l == nullptr || k->tiles->rules == l->rules);
    out[name] = {k->version, low ? k->tiles->version : 0, low ? k->tiles->places : 0};
  }
  return out;
}

bool is_silent(const catalog* all) {
  for (const std::string_view name : {substations_layer, circuits_layer, outages_layer})
    if (const layer* const l = all == nullptr ? nullptr : all->find(name); l != nullptr && !l->versioned)
      return true;
  return false;
}

bool grid_moved(const told_versions& was, const told_versions& is) {
  for (const std::string_view layer : {substations_layer, circuits_layer, outages_layer}) {
    const auto a = was.find(layer), b = is.find(layer);
    const std::int64_t before = a == was.end() ? -1 : a->second.version,
                       now = b == is.end() ? -1 : b->second.version;
    if (before != now) return true;
  }
  return false;
}

}  // namespace

struct event_source::outage_reader {
  explicit outage_reader(std::shared_ptr<const catalog> c, const layer& l)
      : owner(std::move(c)),
        statement(layer_sql{l}.where(open_condition, most_outages + 1)),
        writer(l),
        layout(layout_of(l)) {}
  std::shared_ptr<const catalog> owner;
  postgres::statement statement;
  feature_writer writer;
  row_layout layout;
};

event_source::event_source(asio::any_io_executor executor, const version_store& versions,
                           const catalog_store& layers, postgres::pool& pool, event_feed& feed)
    : versions_(versions),
      layers_(layers),
      pool_(pool),
      feed_(feed),
      timer_(executor),
      ended_(executor, steady::time_point::max()) {}

void event_source::start() {
  heard_ = versions_.listen(timer_.get_executor(), [this](const std::shared_ptr<const news>& what) {
    news_ = true;
    other_history_ = other_history_ || what->other_history;
    timer_.cancel();
  });
  running_ = true;
  asio::co_spawn(timer_.get_executor(), run(), asio::detached);
}

void event_source::tell_all() {
  news_ = other_history_ = true;
  timer_.cancel();
}

void event_source::stop() {
  stopping_ = true;
  heard_ = nullptr;
  timer_.cancel();
}

asio::awaitable<void> event_source::finished() {
  boost::system::error_code woken;
  while (running_)
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<void> event_source::run() {
  bool look = false;
  while (!stopping_) {
    steady::time_point next = deadline_in(look_every);
    if (std::exchange(news_, false) || look) {
      const bool whole = co_await refresh();
      if (stopping_) break;
      // What comes meanwhile is told together.
      news_ = news_ || !whole;
      next = news_ ? deadline_in(whole ? most_often : again_after) : deadline_in(look_every);
    }
    timer_.expires_at(next);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    look = !woken;
  }
  running_ = false;
  ended_.cancel();
}

// False when something is left to be told, for it could not be read.
asio::awaitable<bool> event_source::refresh() {
  const auto known = versions_.known();
  if (!known) co_return true;
  const bool anew = std::exchange(other_history_, false) || !now_;
  auto next = std::make_shared<event_state>();
  next->known = known;
  const auto all = layers_.get();
  next->told = told_of(*known, all.get());
  next->silent_grid = is_silent(all.get());
  bool whole = true;
  if (now_) next->grid = now_->grid;
  const bool moved = anew || grid_moved(now_->told, next->told);
  if (moved || next->silent_grid) {
    const auto grid = co_await read_grid();
    if (grid) {
      if (!next->grid || !(*next->grid == **grid)) next->grid = *grid;
    } else if (is_final(grid.error().code)) {
      next->grid = nullptr;
    } else if (anew) {
      other_history_ = true;
      co_return false;
    } else if (moved) {
      // The rest is told now. Who comes again with these versions is told the grid's, too.
      whole = false;
      for (auto& [layer, v] : next->told) {
        const auto was = now_->told.find(layer);
        if (is_of_grid(layer)) v = was == now_->told.end() ? told_version{} : was->second;
      }
    }
  }
  if (anew || next->told != now_->told || next->grid != now_->grid || next->silent_grid != now_->silent_grid)
    feed_.publish(std::make_shared<const event_step>(anew ? nullptr : now_, next));
  now_ = std::move(next);
  co_return whole;
}

asio::awaitable<event_source::grid_answer> event_source::read_grid() {
  const auto all = layers_.get();
  if (!all) co_return failure{errc::database_unavailable, "the layers have not been read yet"};
  auto out = std::make_shared<grid_state>();
  const deadline until = deadline_in(patience);
  if (const auto status = co_await read_status(*out, all, until); !status) co_return status.error();
  if (const auto outages = co_await read_outages(*out, all, until);
      !outages && !is_final(outages.error().code))
    co_return outages.error();
  co_return out;
}

asio::awaitable<result<void>> event_source::read_status(grid_state& into,
                                                        const std::shared_ptr<const catalog>& c,
                                                        deadline until) {
  const auto statement = statements_.get(c, substation_status_sql());
  if (!statement) co_return statement.error();
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto rows = co_await pool_.query(postgres::lane::lookup, **statement, none, until, timing,
                                         postgres::share::yes, postgres::urgency::priority);
  if (!rows) co_return rows.error();
  std::string member = R"(,"substations":[)";
  for (int row = 0; row < rows->rows(); ++row) {
    std::string id, text;
    if (!append_substation_status(text, *rows, row, &id)) continue;
    if (member.back() != '[') member += ',';
    member += text;
    into.substations.emplace(std::move(id), std::move(text));
  }
  into.substations_member = http::make_chunk(member + "]");
  into.outages_member = http::make_chunk(R"(,"outages":[])");
  co_return result<void>{};
}

asio::awaitable<result<void>> event_source::read_outages(grid_state& into,
                                                         const std::shared_ptr<const catalog>& c,
                                                         deadline until) {
  const layer* const l = c->find(outages_layer);
  if (l == nullptr) co_return failure{errc::not_found, "there is no layer outages"};
  if (!outages_ || outages_->owner != c) outages_ = std::make_shared<const outage_reader>(c, *l);
  const outage_reader& reader = *outages_;
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto rows = co_await pool_.query(postgres::lane::lookup, reader.statement, none, until, timing,
                                         postgres::share::yes, postgres::urgency::priority);
  if (!rows) co_return rows.error();
  if (!reader.writer.fits(*rows)) co_return failure{errc::schema_mismatch, "layer outages has changed"};
  std::string member = R"(,"outages":[)";
  into.outages_cut = rows->rows() > most_outages;
  for (int row = 0; row < std::min<std::int64_t>(rows->rows(), most_outages); ++row) {
    if (rows->is_null(row, reader.layout.key)) continue;
    std::string id;
    open_outage one;
    {
      geo::text_sink id_text{id}, feature{one.feature};
      reader.writer.append_id(id_text, *rows, row);
      reader.writer.append(feature, *rows, row, std::nullopt);
    }
    const auto place = geo::inspect_wkb(rows->bytes(row, reader.layout.geometry));
    if (place.error.empty() && !place.empty)
      one.at = geo::bbox{place.min_x, place.min_y, place.max_x, place.max_y};
    if (member.back() != '[') member += ',';
    member += one.feature;
    into.outages.emplace(std::move(id), std::move(one));
  }
  member += ']';
  if (into.outages_cut) {
    member += outages_cut_member;
    if (!now_ || !now_->grid || !now_->grid->outages_cut)
      spdlog::warn("events: more than {} outages are open; listeners are told of the first of them",
                   most_outages);
  }
  into.outages_member = http::make_chunk(member);
  co_return result<void>{};
}

}  // namespace gridlight::api
