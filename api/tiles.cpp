#include <algorithm>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/stale.hpp"
#include "api/tile_store.hpp"
#include "server/http/negotiate.hpp"

namespace gridlight::api {
namespace {

struct tile_question {
  tile_layers layers;
  geo::tile t;
  std::string key;          ///< the same for the same tile, however it was asked for
  seen_versions seen = {};  ///< versions that the client knows of
};

result<tile_question> read_question(const services& s, http::request& req) {
  const auto t = read_tile(req.path_values.at(1), req.path_values.at(2), req.path_values.at(3));
  if (!t) return t.error();
  auto layers = read_tile_layers(s, req, req.path_values.at(0));
  if (!layers) return layers.error();
  tile_question out{*std::move(layers), *t, {}};
  int last_zoom = 0;
  for (const tile_layer& l : out.layers.layers)
    last_zoom = std::max(last_zoom, l.of->config.max_zoom);
  if (t->z > last_zoom)
    return failure{errc::not_found, "tiles of " + out.layers.names + " end at zoom " +
                                        std::to_string(last_zoom) +
                                        ", their last, which is to be drawn larger beyond it"};
  http::parameters q{req};
  if (const auto v = q.text("v")) out.seen = read_versions(*v, out.layers);
  put_in_order(out.layers);
  read_tile_properties(q, out.layers);
  if (auto bad = q.fault()) return *std::move(bad);
  out.key = tile_key(out.layers, out.t);
  return out;
}

http::response response_of(tile_name name) {
  http::response out;
  out.type = http::content_type::tile;
  out.etag = std::move(name.etag);
  if (!name.versions.empty()) out.headers.emplace_back("Gridlight-Version", std::move(name.versions));
  return out;
}

http::response response_of(const made_tile& t) {
  http::response out = response_of(t.name);
  if (t.dropped > 0) out.headers.emplace_back("Gridlight-Dropped", std::to_string(t.dropped));
  out.packed = t.packed;
  if (t.plain) out.shared = t.plain;
  if (t.packed || t.plain) return out;
  out.status = 204;
  out.etag.clear();
  return out;
}

// Whether the client, who heard of it elsewhere, knows of a change that is not known here yet.
bool is_ahead(const tile_question& q, const version_store::knowledge& known) {
  return std::any_of(q.seen.begin(), q.seen.end(), [&](const auto& seen) {
    const auto at = known.find(seen.first);
    return at != known.end() && seen.second > at->second->version;
  });
}

// The database was asked for the tile on account of these, or later ones: whoever makes them up, or has them
// from before the database was set back, does not have it asked again.
bool was_asked_with(const made_tile& t, const seen_versions& seen) {
  return std::equal(seen.begin(), seen.end(), t.asked_with.begin(), t.asked_with.end(),
                    [](const auto& now, const auto& before) { return now.second <= before.second; });
}

enum class verdict { right, outdated, of_another_history };

// Whether changes that are known touched the tile after it was made.
verdict judge(const made_tile& t, const tile_question& q, const version_store::knowledge& known,
              std::uint64_t history) {
  if (t.history != history) return verdict::of_another_history;
  const std::uint64_t by = known.edition << 20 ^ (q.layers.owner->number() & 0xfffff);
  if (t.right_by.load(std::memory_order_relaxed) == by) return verdict::right;
  // The same layers may be drawn from elsewhere by now.
  const auto sources = sources_of(parts_at(q.layers, q.t.z, &known));
  if (sources.size() != t.sources.size()) return verdict::outdated;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!(sources[i] == t.sources[i].of)) return verdict::outdated;
    const std::int64_t made_of = *t.sources[i].version;
    const bool noted = i < t.right_to.size();
    const std::int64_t since =
        noted ? std::max(made_of, t.right_to[i].load(std::memory_order_relaxed)) : made_of;
    const auto now = known_state(sources[i], q.t, known, since);
    if (!now || now->touched > since) return verdict::outdated;
    if (noted && *now->version > since) t.right_to[i].store(*now->version, std::memory_order_relaxed);
  }
  t.right_by.store(by, std::memory_order_relaxed);
  return verdict::right;
}

// What the client has already, told by the versions that are known alone.
std::optional<http::response> unchanged_tile(const http::request& req, const tile_question& q,
                                             const version_store::knowledge& known) {
  if (!http::asks_whether_changed(req.headers)) return std::nullopt;
  std::vector<source_state> states;
  for (const tile_source& of : sources_of(parts_at(q.layers, q.t.z, &known))) {
    auto state = known_state(of, q.t, known);
    if (!state) return std::nullopt;
    states.push_back(*std::move(state));
  }
  if (states.empty()) return std::nullopt;
  auto out = response_of(name_of(q.key, states, known.mark));
  if (!http::none_match(req.headers, out.etag)) return std::nullopt;
  return out;
}

void note_timing(http::request& req, const http::request_timing& t) {
  req.timing.postgres.queue_ms += t.postgres.queue_ms;
  req.timing.postgres.db_ms += t.postgres.db_ms;
  req.timing.encode_ms += t.encode_ms;
}

double cost_ms(const made_tile& t) noexcept {
  return t.timing.postgres.db_ms + t.timing.encode_ms;
}

// A change may be known by now that was not when the work began: it must not be asked to join that work.
std::string flight_key(const tile_question& q, const version_store::knowledge* known, std::uint64_t history) {
  std::string out = q.key + "#" + std::to_string(history);
  if (known == nullptr) return out;
  for (const tile_source& of : sources_of(parts_at(q.layers, q.t.z, known)))
    if (const auto state = known_state(of, q.t, *known))
      out.append(of.generalised ? ";g" : ";").append(std::to_string(state->touched));
  return out;
}

void keep(tile_store& store, const tile_question& q, const tile_ptr& made) {
  if (!made->versioned() || made->plain) return;
  // Of two that were made at the same time the newer one stays.
  const auto newer = [&](const made_tile& there) {
    if (there.history != made->history || there.sources.size() != made->sources.size()) return false;
    for (std::size_t i = 0; i < there.sources.size(); ++i)
      if (there.sources[i].of == made->sources[i].of && *there.sources[i].version > *made->sources[i].version)
        return true;
    return false;
  };
  store.kept.put(q.key, made, bytes_of(*made), cost_ms(*made), newer);
}

// What the first of those who ask at once begins; it goes on when he leaves, so that it keeps its tile
// itself.
boost::asio::awaitable<result<tile_ptr>> make_and_keep(services& s,
                                                       [[maybe_unused]] std::shared_ptr<const void> alive,
                                                       tile_question q,
                                                       std::shared_ptr<const version_store::knowledge> known,
                                                       std::uint64_t history, postgres::urgency rank,
                                                       bool packed, bool ahead) {
  const deadline until = deadline_in(s.settings.http.request_timeout);
  const auto made = co_await s.maker->make(q.layers, q.t, known, history, until, rank, packed);
  if (made) {
    if (ahead) (*made)->asked_with = q.seen;
    s.tiles->dropped.add(static_cast<std::uint64_t>((*made)->dropped));
    keep(*s.tiles, q, *made);
  }
  co_return made;
}

http::response stale_response(services& s, const made_tile& t) {
  s.tiles->stale.add();
  auto out = response_of(t);
  label_stale(s, out);
  return out;
}

}  // namespace

// GET /api/postgres/tiles/{layers}/{z}/{x}/{y}[?properties&v]
answer_t tile(services& s, http::request& req) {
  const auto q = read_question(s, req);
  if (!q) co_return q.error();
  tile_store& store = *s.tiles;
  const auto start = steady::now();
  // In this order: a history is raised before what is known of it is told, so that no tile of an old one is
  // judged by the changes of a new one.
  const auto known = s.versions == nullptr ? nullptr : s.versions->known();
  const std::uint64_t history = s.versions == nullptr ? 0 : s.versions->history();
  tile_ptr kept = known ? store.kept.find(q->key) : nullptr;
  const verdict is = kept ? judge(*kept, *q, *known, history) : verdict::of_another_history;
  if (is == verdict::of_another_history) kept = nullptr;
  const bool ahead = known && is_ahead(*q, *known) && !(kept && was_asked_with(*kept, q->seen));
  const bool fresh = known && !ahead && s.versions->fresh() != nullptr;
  req.timing.cache_ms += ms_since(start);
  if (kept && is == verdict::right && !ahead && (fresh || may_be_stale(s))) {
    if (!fresh) co_return stale_response(s, *kept);
    store.hits.add();
    co_return response_of(*kept);
  }
  if (auto same = fresh ? unchanged_tile(req, *q, *known) : std::nullopt) {
    store.hits.add();
    co_return *std::move(same);
  }
  if (parts_at(q->layers, q->t.z, known.get()).empty()) {
    http::response out = response_of(made_tile{});
    co_return out;
  }
  if (kept) store.outdated.add();

  const bool packed =
      s.settings.tiles.cache_bytes > 0 || http::preferred_coding(req.headers) == http::coding::gzip;
  const single_flight<tile_ptr>::work work = [&s, alive = s.self.lock(), question = *q, known, history,
                                              rank = req.rank(), packed, ahead] {
    return make_and_keep(s, alive, question, known, history, rank, packed, ahead);
  };
  // Nor may he join work that began before what he knows of was known.
  std::string flight_of = flight_key(*q, known.get(), history);
  for (std::size_t i = 0; ahead && i < q->seen.size(); ++i)
    flight_of.append(i == 0 ? "!" : ".").append(std::to_string(q->seen[i].second));
  auto flight = store.flights.run(std::move(flight_of), req.until, work);
  const auto made = co_await std::move(flight);
  if (!made.value) {
    if (kept && database_away(made.value.error().code) && may_be_stale(s)) co_return stale_response(s, *kept);
    co_return made.value.error();
  }
  (made.joined ? store.joined : store.misses).add();
  const tile_ptr& t = *made.value;
  note_timing(req, t->timing);
  co_return response_of(*t);
}

}  // namespace gridlight::api
