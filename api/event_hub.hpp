#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "api/event_text.hpp"
#include "server/deadline.hpp"

namespace gridlight::api {

/// Steps from one state to the next, for the hubs of all threads. Any thread may publish, one at a time.
class event_feed {
 public:
  using listener = std::function<void(const std::shared_ptr<const event_step>&)>;
  using subscription = std::shared_ptr<const listener>;

  void publish(std::shared_ptr<const event_step> step);
  /// Has `tell` called on `executor` for each step behind the state returned (null: none yet), until the
  /// subscription is destroyed on that executor's thread.
  [[nodiscard]] std::pair<subscription, event_state_pointer> listen(boost::asio::any_io_executor executor,
                                                                    listener tell);

 private:
  struct subscriber {
    boost::asio::any_io_executor executor;
    std::weak_ptr<const listener> tell;
  };
  std::mutex lock_;
  std::vector<subscriber> subscribers_;
  event_state_pointer now_;
};

/// The listeners of one thread. A step is made into text once for all who asked for the same.
class event_hub {
 public:
  struct options {
    std::chrono::milliseconds heartbeat{15000};
    std::chrono::milliseconds max_duration{0};  ///< 0: none
  };
  /// \param feed  must outlive it
  event_hub(boost::asio::any_io_executor executor, event_feed& feed, options o);
  event_hub(const event_hub&) = delete;
  event_hub& operator=(const event_hub&) = delete;

  /// From now on; who listens already may go on for as long as he was told. Of the executor's thread.
  void adopt(options o) noexcept { options_ = o; }

  /// What new listeners are told first; null: nothing is known yet.
  const event_state_pointer& now() const noexcept { return now_; }

  /// A stream that hears of each step behind now() until it is destroyed.
  std::shared_ptr<http::stream> add(event_filter f);

 private:
  struct group {
    explicit group(event_filter f) : filter(std::move(f)) {}
    event_filter filter;
    http::chunk_pointer text;  // of the last step that anybody of it was told; null: nothing
    std::shared_ptr<const event_step> of;
  };
  using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct listener : http::stream, hook {
    explicit listener(std::shared_ptr<group> g) : of(std::move(g)) {}
    std::shared_ptr<group> of;
    deadline until = deadline::max();
  };

  void hear(const std::shared_ptr<const event_step>& step);
  static const http::chunk_pointer& text(group& g, const std::shared_ptr<const event_step>& step);
  void arm();
  void tick();

  options options_;
  boost::intrusive::list<listener, boost::intrusive::constant_time_size<false>> listeners_;
  std::map<event_filter, std::weak_ptr<group>> groups_;
  double due_ = 0;  // heartbeats
  event_state_pointer now_;
  boost::asio::steady_timer timer_;
  event_feed::subscription heard_;
};

}  // namespace gridlight::api
