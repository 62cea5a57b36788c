#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/common.hpp"
#include "api/event_hub.hpp"
#include "api/handlers.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

// Beside the layers: what tiles tell of the circuits' state.
constexpr std::string_view condition_layer = "circuit_condition";

std::vector<std::string> all_names(const catalog& c) {
  std::vector<std::string> out{std::string{condition_layer}};
  for (const layer& l : c.layers())
    out.push_back(l.config.name);
  return out;
}

std::vector<std::string> read_layers(http::parameters& q, const catalog& c) {
  if (!q.text("layers")) return all_names(c);
  auto out = q.list("layers");
  for (const std::string& name : out) {
    if (c.find(name) != nullptr || name == condition_layer) continue;
    std::string known;
    for (const std::string& each : all_names(c))
      known += (known.empty() ? "" : ", ") + each;
    q.fail("layers", "there is no layer " + http::shown(name) + "; layers: " + known);
  }
  return out;
}

event_filter read_filter(http::parameters& q, const catalog& c, http::request& req) {
  event_filter out;
  out.layers = read_layers(q, c);
  std::sort(out.layers.begin(), out.layers.end());
  out.layers.erase(std::unique(out.layers.begin(), out.layers.end()), out.layers.end());
  if (const auto box = q.bbox()) out.box = {box->min_lon, box->min_lat, box->max_lon, box->max_lat};
  // Where a hidden place changed is as personal as the place.
  for (const std::string& name : out.layers) {
    const layer* const l = c.find(name);
    if (l == nullptr || !l->hides_place()) continue;
    if (req.who.allowed.has(identity::scope::personal))
      req.audit.saw_personal = true;
    else
      out.placeless.push_back(name);
  }
  return out;
}

std::vector<http::chunk_pointer> first_text(const http::request& req, const event_state& now,
                                            const event_filter& f) {
  const auto sent = req.headers.find("Last-Event-ID");
  if (sent != req.headers.end())
    if (const auto told = read_event_id({sent->value().data(), sent->value().size()}))
      if (auto out = resumed_text(*told, now, f)) return *std::move(out);
  return snapshot_text(now, f);
}

// For a moment after the start nothing is known yet.
boost::asio::awaitable<void> wait_for_first_state(const event_hub& hub, deadline until) {
  until = std::min(until, deadline_in(std::chrono::seconds{2}));
  boost::asio::steady_timer pause{co_await boost::asio::this_coro::executor};
  while (!hub.now() && steady::now() < until) {
    pause.expires_after(std::chrono::milliseconds{20});
    co_await pause.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace

// GET /api/postgres/events[?layers&bbox]
answer_t events(services& s, http::request& req) {
  http::parameters q{req};
  const auto catalog = loaded_catalog(s);
  if (!catalog) co_return catalog.error();
  const event_filter filter = read_filter(q, **catalog, req);
  if (auto bad = q.fault()) co_return *bad;
  if (s.events != nullptr) co_await wait_for_first_state(*s.events, req.until);
  if (s.events == nullptr || !s.events->now())
    co_return failure{errc::database_unavailable,
                      "the layers' versions have not been read from the database yet"};
  static const http::chunk_pointer hello = http::make_chunk("retry: 3000\n\n");
  http::response out;
  out.type = http::content_type::events;
  out.cache_control = "no-store";
  out.headers.emplace_back("X-Accel-Buffering", "no");
  out.live = s.events->add(filter);
  out.live->begin(hello);
  for (const auto& piece : first_text(req, *s.events->now(), filter))
    out.live->begin(piece);
  co_return out;
}

}  // namespace gridlight::api
