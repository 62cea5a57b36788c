#include "server/schema_version.hpp"

namespace gridlight {

schema_verdict judge_schema(std::optional<int> found, int wanted) {
  using kind = schema_verdict::kind;
  if (!found || *found == 0)
    return {kind::none, "the database has no gridlight schema; run gridlight migrate"};
  if (*found == wanted) return {kind::right, {}};
  const std::string versions = "the database's schema is version " + std::to_string(*found) +
                               ", this program's is " + std::to_string(wanted);
  if (*found == wanted - 1)
    return {kind::older, versions + ": the sync and what else came with version " + std::to_string(wanted) +
                             " wait; run gridlight migrate"};
  if (*found == wanted + 1) return {kind::newer, versions + ": it is served, but a newer gridlight is due"};
  if (*found < wanted)
    return {kind::too_old, versions + ", which serves " + std::to_string(wanted - 1) + " and " +
                               std::to_string(wanted) + "; run gridlight migrate"};
  return {kind::too_new, versions + "; run a newer gridlight"};
}

}  // namespace gridlight
