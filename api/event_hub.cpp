#include "api/event_hub.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace gridlight::api {
namespace {

// Often enough that the heartbeats of all are spread over their time, and that streams end when they should.
std::chrono::milliseconds tick_of(const event_hub::options& o) {
  auto out = o.heartbeat / 16;
  if (o.max_duration.count() > 0) out = std::min(out, o.max_duration / 16);
  return std::clamp(out, std::chrono::milliseconds{10}, std::chrono::milliseconds{500});
}

}  // namespace

void event_feed::publish(std::shared_ptr<const event_step> step) {
  const std::lock_guard guard{lock_};
  now_ = step->after();
  std::erase_if(subscribers_, [](const subscriber& s) { return s.tell.expired(); });
  for (const subscriber& s : subscribers_)
    boost::asio::post(s.executor, [tell = s.tell, step] {
      if (const auto still = tell.lock()) (*still)(step);
    });
}

std::pair<event_feed::subscription, event_state_pointer> event_feed::listen(
    boost::asio::any_io_executor executor, listener tell) {
  auto out = std::make_shared<const listener>(std::move(tell));
  const std::lock_guard guard{lock_};
  subscribers_.push_back({std::move(executor), out});
  return {std::move(out), now_};
}

event_hub::event_hub(boost::asio::any_io_executor executor, event_feed& feed, options o)
    : options_(o), timer_(executor) {
  std::tie(heard_, now_) =
      feed.listen(executor, [this](const std::shared_ptr<const event_step>& step) { hear(step); });
  arm();
}

std::shared_ptr<http::stream> event_hub::add(event_filter f) {
  auto& slot = groups_[f];
  auto of = slot.lock();
  if (!of) slot = of = std::make_shared<group>(std::move(f));
  auto out = std::make_shared<listener>(std::move(of));
  if (options_.max_duration.count() > 0) out->until = deadline_in(options_.max_duration);
  listeners_.push_back(*out);
  return out;
}

void event_hub::hear(const std::shared_ptr<const event_step>& step) {
  now_ = step->after();
  for (listener& l : listeners_)
    if (const auto& told = text(*l.of, step)) l.send(told);
  std::erase_if(groups_, [](const auto& g) { return g.second.expired(); });
}

const http::chunk_pointer& event_hub::text(group& g, const std::shared_ptr<const event_step>& step) {
  if (g.of == step) return g.text;
  g.of = step;
  auto events = step->text(g.filter);
  if (!events) {
    events.emplace();
    for (const auto& piece : snapshot_text(*step->after(), g.filter))
      events->append(piece->plain());
  }
  g.text = events->empty() ? nullptr : http::make_chunk(*events);
  return g.text;
}

void event_hub::arm() {
  timer_.expires_after(tick_of(options_));
  timer_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    tick();
    arm();
  });
}

// Each in its turn is told that we are still there, whatever else it heard.
void event_hub::tick() {
  static const http::chunk_pointer heartbeat = http::make_chunk(":\n\n");
  const auto now = steady::now();
  std::size_t count = 0;
  for (listener& l : listeners_) {
    ++count;
    if (l.until <= now) l.end();
  }
  due_ +=
      static_cast<double>(count) * (std::chrono::duration<double>{tick_of(options_)} / options_.heartbeat);
  for (; due_ >= 1; --due_) {
    if (listeners_.empty()) break;
    listener& first = listeners_.front();
    first.unlink();
    listeners_.push_back(first);
    first.send(heartbeat);
  }
}

}  // namespace gridlight::api
