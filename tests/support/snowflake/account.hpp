#pragma once

#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tests/support/snowflake/settings.hpp"
#include "tests/support/snowflake/statement.hpp"

namespace gridlight::test::snowflake {

/// The statements of an account: by handle, and by requestId for those who ask again. For all threads.
class account {
 public:
  explicit account(settings how);
  ~account();
  account(const account&) = delete;
  account& operator=(const account&) = delete;

  settings how() const;
  void change(const std::function<void(settings&)>& edit);

  /// Begins a statement, or finds the one that this requestId began when `retry` is set and it did not fail.
  std::shared_ptr<statement> submit(work what, const std::string& request_id, bool retry);
  /// \throws sql_failure 422 (000709)
  std::shared_ptr<statement> find(const std::string& handle);
  void cancel_all();
  void expire_all();  ///< every result is gone, as after a day

  std::size_t executions() const;  ///< statements begun
  std::size_t executions(const std::string& request_id) const;

 private:
  void keep(const std::shared_ptr<statement>& s);
  void keep_locked(const std::shared_ptr<statement>& s);
  void forget_old();

  mutable std::mutex mutex_;
  settings how_;
  std::map<std::string, std::shared_ptr<statement>> statements_;
  std::deque<std::string> order_;               ///< handles, the oldest first
  std::map<std::string, std::string> handles_;  ///< by requestId
  std::map<std::string, std::size_t> begun_;    ///< by requestId
  std::size_t all_begun_ = 0;
  boost::asio::thread_pool workers_{16};
};

}  // namespace gridlight::test::snowflake
