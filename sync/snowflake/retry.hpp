#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "sync/snowflake/client.hpp"

namespace gridlight::sync::snowflake {

/// What was asked of the API: a failure means other things for each.
enum class call { submit, status, partition, cancel };

/// What an answer asks for. `repeat` is for the same request; with retry=true when it may have run.
enum class verdict { done, running, renew_token, back_off, repeat, submit_anew, fail };

/// By the HTTP status first; `code` is what the body says, empty when it is no JSON.
verdict judge(call what, unsigned status, std::string_view code) noexcept;

/// The failure that a refused request ends with.
failure refused(unsigned status, const answer& said);

/// Pauses between attempts of one operation.
class backoff {
 public:
  /// \param random  numbers in [0, 1)
  backoff(const backoff_options& o, std::function<double()> random)
      : options_(o), random_(std::move(random)) {}

  /// How long to wait now; nothing when the budget is spent. What the server asks for is waited at least.
  std::optional<std::chrono::milliseconds> next(std::optional<std::chrono::seconds> retry_after);

 private:
  backoff_options options_;
  std::function<double()> random_;
  std::chrono::milliseconds step_{0}, spent_{0};
};

/// Pauses between questions whether a statement has ended: from first to longest, each 1.5 times the one
/// before, give or take a fifth.
class pacing {
 public:
  pacing(std::chrono::milliseconds first, std::chrono::milliseconds longest, std::function<double()> random)
      : step_(first), longest_(longest), random_(std::move(random)) {}
  std::chrono::milliseconds next();

 private:
  std::chrono::milliseconds step_, longest_;
  std::function<double()> random_;
};

/// Of a Retry-After header: seconds; a date is not used.
std::optional<std::chrono::seconds> read_retry_after(std::string_view value);

}  // namespace gridlight::sync::snowflake
