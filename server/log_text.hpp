#pragma once

#include <string>
#include <string_view>

namespace gridlight::log {

/// What of a text may stand in a line of the log as it is.
enum class escaping {
  message,  ///< all but control characters and bytes that are no UTF-8, which become \xHH
  quoted,   ///< quotes and backslashes become \xHH too
  json,     ///< the inside of a JSON string; a byte that is no UTF-8 becomes the text \xHH
};

/// Appends `text` so escaped. Control characters are U+0000…U+001F, DEL, and U+0080…U+009F, which terminals
/// obey too.
void append_escaped(std::string& out, std::string_view text, escaping how);

}  // namespace gridlight::log
