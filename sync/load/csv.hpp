#pragma once

#include "sync/load/rows.hpp"

namespace gridlight::sync {

/// CSV by RFC 4180 with a header: commas, quotes, doubled quotes, newlines in quotes, CRLF or LF, a byte
/// order mark. An empty field is null, a quoted empty one is ''. Text must be UTF-8. Empty lines are skipped.
result<std::unique_ptr<row_source>> open_csv(text_window window);

}  // namespace gridlight::sync
