#pragma once

#include <optional>
#include <string>

#include "api/services.hpp"

namespace gridlight::api {

/// Whether this instance can answer questions now.
struct readiness {
  bool ready = false;
  std::string reason;                 ///< for people; empty when ready. No server detail
  std::string warning;                ///< what does not keep it from serving, about the schema; or empty
  bool database = false;              ///< it answered
  std::optional<int> schema_version;  ///< newest migration found in it
  double database_ms = 0;
  int retry_after_s = 0;  ///< when not ready: as the errors that requests get for the same cause have it
};

/// Asks the database through the admin lane, for a second at most.
boost::asio::awaitable<readiness> check_readiness(services& s, deadline until);

}  // namespace gridlight::api
