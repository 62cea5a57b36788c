#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/deadline.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight::api {

/// Condition of each circuit, as gridlight.circuit_condition keeps it; versioned as if it were a layer.
inline constexpr std::string_view conditions = "circuit_condition";

/// The condition of every circuit, all as of one version. Never changed once made.
class circuit_conditions {
 public:
  /// \param rows  version, circuit, condition; a row without a circuit tells only the version
  /// \param history  version_store::history() before they were asked for
  circuit_conditions(const postgres::result_set& rows, std::uint64_t history);

  bool are_of(std::int64_t version, std::uint64_t history) const noexcept {
    return version_ == version && history_ == history;
  }
  /// Empty when the circuit is not known.
  std::string_view of(std::string_view circuit) const noexcept;

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };
  std::int64_t version_ = 0;
  std::uint64_t history_;
  std::unordered_map<std::string, std::string, text_hash, std::equal_to<>> of_;
};
using conditions_ptr = std::shared_ptr<const circuit_conditions>;

/// The conditions that were read last. One for all threads: joining them to each tile's rows was a fifth of
/// what the tile cost Postgres.
class condition_store {
 public:
  /// Those of this version: held, or read now. Of another version when they have changed meanwhile.
  boost::asio::awaitable<result<conditions_ptr>> at(std::int64_t version, std::uint64_t history,
                                                    postgres::pool& pool, deadline until,
                                                    postgres::query_timing& timing, postgres::urgency rank);

 private:
  mutable std::mutex lock_;
  conditions_ptr held_;
};

}  // namespace gridlight::api
