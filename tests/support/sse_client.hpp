#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_client.hpp"

namespace gridlight::test {

struct sse_event {
  std::string name, data;
};

/// Listens to a stream of server-sent events on a connection of its own.
class sse_client {
 public:
  sse_client(std::string_view address, std::string_view target, const http_headers& headers = {});
  ~sse_client();
  sse_client(const sse_client&) = delete;
  sse_client& operator=(const sse_client&) = delete;

  /// The next event; one without a name at the end of the time.
  sse_event next(std::chrono::milliseconds timeout = std::chrono::seconds{10});
  /// The next event of this name whose data holds `text`; others before it are dropped.
  sse_event next(std::string_view name, std::string_view text = {},
                 std::chrono::milliseconds timeout = std::chrono::seconds{10});
  /// Reads to the end; true when it came with the last chunk, and in time.
  bool ends_cleanly(std::chrono::milliseconds timeout = std::chrono::seconds{10});

  const std::string& head() const noexcept { return head_; }
  const std::string& id() const noexcept { return id_; }  ///< what Last-Event-ID would be
  int comments() const noexcept { return comments_; }

 private:
  bool fill(std::chrono::steady_clock::time_point until);
  void unchunk();
  int socket_ = -1;
  bool ended_ = false;
  std::string head_, raw_, text_, id_;
  int comments_ = 0;
};

}  // namespace gridlight::test
