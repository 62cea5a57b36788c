#pragma once

#include <optional>
#include <string>

namespace gridlight {

/// How a database's schema goes with this program. Migrations only add, so that programs and schemas one
/// version apart work together: while servers are replaced one after the other nothing has to stop.
struct schema_verdict {
  enum class kind {
    right,
    older,    ///< by one: served; what came with the missing version is off
    newer,    ///< by one: served
    too_old,  ///< not served
    too_new,  ///< not to be relied on
    none,     ///< there is no schema
  } is;
  std::string text;  ///< for people; empty: right
};

/// \param found   the newest migration in the database, if any
/// \param wanted  the newest that this program knows
schema_verdict judge_schema(std::optional<int> found, int wanted);

}  // namespace gridlight
