#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "server/identity/token.hpp"

namespace gridlight::identity {

/// A token as its owner is known here: never its text.
struct token_entry {
  std::string name;
  digest hash{};
  scopes allowed;
  bool priority = false;
  std::optional<clock::time_point> expires;
};

/// A YAML list, an entry a token: name, hash, scopes, and if wanted priority and expires. Fails with
/// errc::input; detail has a line for each fault. `origin` names the file in messages. An empty file has no
/// tokens.
result<std::vector<token_entry>> parse_tokens(std::string_view yaml, std::string_view origin);
result<std::vector<token_entry>> read_tokens(const std::string& path);

/// The entry as parse_tokens reads it, with a line break at its end.
std::string entry_text(const token_entry& e, std::string_view expires);

}  // namespace gridlight::identity
