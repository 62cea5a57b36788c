#include "server/identity/token_command.hpp"

#include <fmt/format.h>

#include "server/identity/token_file.hpp"

namespace gridlight::identity {
namespace {

int refuse(std::string_view why) {
  fmt::print(stderr, "gridlight: {}\n", why);
  return 2;
}

}  // namespace

int run_token(const token_options& options) {
  token_entry entry;
  if (!is_token_name(options.name))
    return refuse("the name must be a letter or digit, then at most 62 of letters, digits and ._-@");
  for (const std::string& each : options.scopes) {
    const auto known = scope_named(each);
    if (!known) return refuse("--scopes takes read, write and personal, joined by commas");
    entry.allowed.add(*known);
  }
  if (entry.allowed.empty()) return refuse("--scopes is empty; it takes read, write and personal");
  if (!options.expires.empty() && !read_time(options.expires))
    return refuse("--expires must be a time such as 2027-01-31T00:00:00Z, or a date");
  const auto token = make_token();
  if (!token) return refuse(token.error().detail);
  entry.name = options.name;
  entry.hash = sha256(*token);
  entry.priority = options.priority;
  fmt::print(stderr, "{}\n", *token);
  fmt::print("{}", entry_text(entry, options.expires));
  return 0;
}

}  // namespace gridlight::identity
