#pragma once

#include <string>
#include <vector>

namespace gridlight::identity {

struct token_options {
  std::string name;
  std::vector<std::string> scopes = {"read"};
  std::string expires;  ///< as read_time takes it; empty: never
  bool priority = false;
};

/// The subcommand `token`: prints a new token to stderr, alone, and its entry to stdout, so that the entry
/// can be appended to auth.tokens_file and the token be shown to its owner only. Its exit code.
int run_token(const token_options& options);

}  // namespace gridlight::identity
