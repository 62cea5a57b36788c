#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/load/scenario.hpp"

namespace gridlight::bench {

/// Names and descriptions of the scenarios compiled in (bench/scenarios).
std::vector<std::pair<std::string, std::string>> shipped_scenarios();
/// Whether `what` names a scenario's file rather than a shipped one or a path to ask.
bool names_file(std::string_view what);
/// \param what  a shipped scenario's name, or a file
/// \throws usage_error  unknown, unreadable or wrong
scenario load_scenario(const std::string& what);

}  // namespace gridlight::bench
