#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace gridlight::sync {

/// SQL with texts in the place of their tokens, such as "@live"; none may begin with another.
inline std::string fill_in(std::string_view sql,
                           std::initializer_list<std::pair<std::string_view, std::string_view>> tokens) {
  std::string out;
  while (!sql.empty()) {
    std::size_t taken = 0;
    for (const auto& [token, text] : tokens) {
      if (!sql.starts_with(token)) continue;
      out += text;
      taken = token.size();
      break;
    }
    if (taken == 0) {
      out += sql.front();
      taken = 1;
    }
    sql.remove_prefix(taken);
  }
  return out;
}

}  // namespace gridlight::sync
