#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/error.hpp"

// A newly started server takes the listening sockets of the one that runs, over a Unix socket whose path both
// know, and tells it to end once it takes connections itself. The sockets are the very same, so nobody who
// waits at them is lost.
namespace gridlight::http {

/// The newcomer's side. Blocking; before any thread serves.
class takeover {
 public:
  takeover() = default;
  ~takeover();
  takeover(takeover&& other) noexcept;
  takeover& operator=(takeover&&) = delete;

  /// Asks whoever listens at the path; nobody there: nothing is taken. Fails with errc::input when somebody
  /// is there but hands over nothing within seconds.
  static result<takeover> from(const std::string& path);

  const std::vector<int>& sockets() const noexcept { return sockets_; }  ///< owned by this, until done()
  /// We take connections, from copies of the sockets: the other may end. Any thread, once.
  void done();

 private:
  int connection_ = -1;
  std::vector<int> sockets_;
};

/// The side of the one that runs: offers its sockets at the path until it is destroyed.
class handover {
 public:
  /// \param sockets  what to give, when somebody asks
  /// \param taken    called once, on the executor's thread, when a newcomer has taken over
  handover(boost::asio::any_io_executor executor, std::function<std::vector<int>()> sockets,
           std::function<void()> taken);
  ~handover();
  handover(const handover&) = delete;
  handover& operator=(const handover&) = delete;

  /// In the place of whoever offers there now. Only the same user, or root, may take.
  result<void> offer_at(const std::string& path);
  /// Of the executor's thread.
  void stop();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace gridlight::http
