#include "tests/support/snowflake/account.hpp"

#include <boost/asio/post.hpp>

#include "tests/support/snowflake/session.hpp"

namespace gridlight::test::snowflake {

account::account(settings how) : how_(std::move(how)) {
  database db{how_.database};
  make_catalog(db);
}

account::~account() {
  cancel_all();
  workers_.join();
}

void account::cancel_all() {
  const std::lock_guard lock{mutex_};
  for (const auto& [handle, s] : statements_)
    s->cancel();
}

settings account::how() const {
  const std::lock_guard lock{mutex_};
  return how_;
}

void account::change(const std::function<void(settings&)>& edit) {
  const std::lock_guard lock{mutex_};
  edit(how_);
}

std::shared_ptr<statement> account::submit(work what, const std::string& request_id, bool retry) {
  std::shared_ptr<statement> s;
  settings current;
  {
    const std::lock_guard lock{mutex_};
    const auto before = handles_.find(request_id);
    if (retry && !request_id.empty() && before != handles_.end()) {
      const auto found = statements_.find(before->second);
      if (found != statements_.end()) {
        const auto outcome = found->second->wait(std::chrono::milliseconds{0});
        if (!outcome || !outcome->failure) return found->second;
      }
    }
    s = std::make_shared<statement>(new_handle());
    keep_locked(s);
    handles_[request_id] = s->handle();
    ++begun_[request_id];
    ++all_begun_;
    current = how_;
  }
  boost::asio::post(workers_, [this, s, what = std::move(what), current] {
    run_work(what, current, *s, [this](std::shared_ptr<statement> child) { keep(child); });
  });
  return s;
}

void account::keep(const std::shared_ptr<statement>& s) {
  const std::lock_guard lock{mutex_};
  keep_locked(s);
}

void account::keep_locked(const std::shared_ptr<statement>& s) {
  statements_[s->handle()] = s;
  order_.push_back(s->handle());
  forget_old();
}

void account::forget_old() {
  const auto oldest = statement::clock::now() - how_.result_life;
  while (!order_.empty()) {
    const auto first = statements_.find(order_.front());
    if (first != statements_.end()) {
      const bool due = first->second->born() < oldest || order_.size() > how_.most_results;
      if (!due || !first->second->wait(std::chrono::milliseconds{0})) return;
      statements_.erase(first);
    }
    order_.pop_front();
  }
}

std::shared_ptr<statement> account::find(const std::string& handle) {
  const std::lock_guard lock{mutex_};
  forget_old();
  const auto found = statements_.find(handle);
  if (found == statements_.end())
    throw sql_failure{422, "000709", "02000", "Statement " + handle + " not found"};
  return found->second;
}

void account::expire_all() {
  const std::lock_guard lock{mutex_};
  std::erase_if(statements_,
                [](const auto& one) { return one.second->wait(std::chrono::milliseconds{0}) != nullptr; });
}

std::size_t account::executions() const {
  const std::lock_guard lock{mutex_};
  return all_begun_;
}

std::size_t account::executions(const std::string& request_id) const {
  const std::lock_guard lock{mutex_};
  const auto found = begun_.find(request_id);
  return found == begun_.end() ? 0 : found->second;
}

}  // namespace gridlight::test::snowflake
