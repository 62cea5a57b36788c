#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "server/deadline.hpp"
#include "server/error.hpp"

namespace gridlight::http {

/// The log lines of requests that failed through no fault of their client. A database that is away fails
/// thousands a second, all alike: of each kind but `internal`, whose reason only the log has, a few lines a
/// second are written and the others counted. For one thread.
class failure_log {
 public:
  static constexpr std::uint64_t lines_a_second = 5;  ///< of one kind

  void tell(const failure& f, std::string_view request_id, steady::time_point now = steady::now());
  /// Writes how many were left out in the seconds that are over; call it now and then.
  void settle(steady::time_point now = steady::now());

 private:
  struct kind {
    steady::time_point since;
    std::uint64_t lines = 0;
  };
  void close(kind& k, std::string_view slug);

  std::array<kind, static_cast<std::size_t>(errc::internal) + 1> kinds_{};
};

}  // namespace gridlight::http
