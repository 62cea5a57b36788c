#include <algorithm>
#include <regex>

#include "sync/load/target.hpp"

namespace gridlight::sync {

std::vector<std::pair<std::string, std::string>> positions_of(std::string_view expression) {
  static const std::regex make_point{
      R"re(st_makepoint\(\s*"?([A-Za-z_][A-Za-z0-9_$]*)"?\s*,\s*"?([A-Za-z_][A-Za-z0-9_$]*)"?\s*\))re",
      std::regex::icase};
  std::vector<std::pair<std::string, std::string>> out;
  const std::string text{expression};
  for (std::sregex_iterator it{text.begin(), text.end(), make_point}, end; it != end; ++it)
    out.emplace_back((*it)[1].str(), (*it)[2].str());
  return out;
}

const target_column* find_column(const std::vector<target_column>& columns, std::string_view name) {
  const auto it = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return it == columns.end() ? nullptr : &*it;
}

}  // namespace gridlight::sync
