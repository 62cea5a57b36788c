#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/deadline.hpp"
#include "server/error.hpp"

namespace gridlight {

/// Work that many ask for at once is done once, by the first, on its executor; all get the result, each on
/// its own. When the last of them has gone, the work is cancelled. For all threads; it must outlive the work.
/// \tparam Value  cheap to copy, such as a shared_ptr to something constant
template <class Value>
class single_flight {
 public:
  using work = std::function<boost::asio::awaitable<result<Value>>()>;

  struct outcome {
    result<Value> value;
    bool joined = false;  ///< somebody else had asked before
  };

  /// Fails with deadline when there is no result by `until`; the work goes on while others wait.
  boost::asio::awaitable<outcome> run(std::string key, deadline until, work make) {
    auto executor = co_await boost::asio::this_coro::executor;
    const auto me = std::make_shared<waiter>(executor, until);
    bool joined = true;
    std::shared_ptr<flight> mine;
    {
      const std::lock_guard guard{lock_};
      auto& slot = flights_[key];
      if (!slot) {
        slot = std::make_shared<flight>(executor);
        joined = false;
      }
      mine = slot;
      mine->waiting.push_back(me);
    }
    if (!joined) start(key, mine, std::move(make));
    leave_guard left{*this, key, mine, me};
    boost::system::error_code woken;
    while (!me->value && steady::now() < until) {
      co_await me->timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
    if (!me->value) co_return outcome{failure{errc::deadline, "the answer was not ready in time"}, joined};
    co_return outcome{*me->value, joined};
  }

  std::size_t under_way() const {
    const std::lock_guard guard{lock_};
    return flights_.size();
  }

 private:
  struct waiter {
    waiter(const boost::asio::any_io_executor& executor, deadline until) : timer(executor, until) {}
    boost::asio::steady_timer timer;  // of the waiter's thread, as is:
    std::optional<result<Value>> value;
  };
  struct flight {
    explicit flight(boost::asio::any_io_executor e) : executor(std::move(e)) {}
    boost::asio::any_io_executor executor;
    boost::asio::cancellation_signal stop;  // of the executor's thread
    std::vector<std::shared_ptr<waiter>> waiting;
  };
  struct leave_guard {
    single_flight& owner;
    const std::string& key;
    const std::shared_ptr<flight>& of;
    const std::shared_ptr<waiter>& who;
    ~leave_guard() { owner.leave(key, of, who); }
  };

  void start(const std::string& key, const std::shared_ptr<flight>& f, work make) {
    const auto slot = f->stop.slot();
    boost::asio::co_spawn(
        f->executor, run_work(std::move(make)),
        boost::asio::bind_cancellation_slot(
            slot, [this, key, f](const std::exception_ptr& thrown, std::optional<result<Value>> v) {
              if (thrown || !v) v.emplace(failure{errc::internal, "the work ended without a result"});
              finish(key, f, *v);
            }));
  }

  static boost::asio::awaitable<std::optional<result<Value>>> run_work(work make) {
    co_return co_await make();
  }

  void finish(const std::string& key, const std::shared_ptr<flight>& f, const result<Value>& value) {
    std::vector<std::shared_ptr<waiter>> waiting;
    {
      const std::lock_guard guard{lock_};
      if (const auto at = flights_.find(key); at != flights_.end() && at->second == f) flights_.erase(at);
      waiting.swap(f->waiting);
    }
    for (const auto& w : waiting)
      boost::asio::post(w->timer.get_executor(), [w, value] {
        w->value = value;
        w->timer.cancel();
      });
  }

  void leave(const std::string& key, const std::shared_ptr<flight>& f, const std::shared_ptr<waiter>& who) {
    const std::lock_guard guard{lock_};
    if (std::erase(f->waiting, who) == 0 || !f->waiting.empty()) return;
    if (const auto at = flights_.find(key); at != flights_.end() && at->second == f) flights_.erase(at);
    boost::asio::post(f->executor, [f] { f->stop.emit(boost::asio::cancellation_type::terminal); });
  }

  mutable std::mutex lock_;
  std::map<std::string, std::shared_ptr<flight>, std::less<>> flights_;
};

}  // namespace gridlight
