#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "server/error.hpp"
#include "server/identity/scope.hpp"

namespace gridlight::identity {

using digest = std::array<unsigned char, 32>;

/// A new token: "gl_" and 32 random bytes in base64url. Fails with errc::internal when there is no
/// randomness.
result<std::string> make_token();

digest sha256(std::string_view text);
/// "sha256:" and 64 hexadecimal digits, as the file of tokens has it.
std::string text_of(const digest& d);
std::optional<digest> read_digest(std::string_view text) noexcept;

/// Takes the same time wherever they differ.
bool equal(const digest& a, const digest& b) noexcept;

using clock = std::chrono::system_clock;
/// RFC 3339 with Z or an offset ("2027-01-31T00:00:00Z"), or a date, which begins at midnight UTC.
std::optional<clock::time_point> read_time(std::string_view text);

/// A letter or digit, then letters, digits, '.', '_', '-' or '@', at most 63: names stand in logs.
bool is_token_name(std::string_view text) noexcept;

}  // namespace gridlight::identity
