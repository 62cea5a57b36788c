#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "server/http/request.hpp"

namespace gridlight::http {

/// Appends `text` with its %XX decoded; false (and `out` half written) when a % is not followed by two hex
/// digits. \param plus_is_space  as in query strings of forms and of URLSearchParams
bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// True when `text` is valid UTF-8 without U+0000, which Postgres cannot store.
bool usable_text(std::string_view text) noexcept;

/// A request target's parts, still encoded. The scheme and authority of an absolute form are left out.
struct target_parts {
  std::string_view path, query;
};
target_parts split_target(std::string_view target) noexcept;

/// The path decoded, or bad_request.
result<std::string> decode_path(std::string_view path);

/// The query's parameters in order. Empty pieces ("a=1&&b=2") are skipped; "a" is "a=". A name or value whose
/// encoding or UTF-8 is broken fails with bad_parameter, naming it.
result<std::vector<query_parameter>> decode_query(std::string_view query);

/// A client's text as messages show it: escaped, and cut after 60 characters.
std::string shown(std::string_view text);

}  // namespace gridlight::http
