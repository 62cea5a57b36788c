#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::api {

/// Where a page ended: the key of its last feature, bound to the question it belongs to.
/// Opaque to clients: base64url without padding of the key's texts with a checksum over them and the
/// question.
std::string make_cursor(std::uint64_t question, const std::vector<std::string>& key);

/// The key in a cursor of the same question with `parts` columns; nothing when it is another's, altered or no
/// cursor.
std::optional<std::vector<std::string>> read_cursor(std::string_view cursor, std::uint64_t question,
                                                    std::size_t parts);

}  // namespace gridlight::api
