#pragma once

#include <string>
#include <vector>

namespace gridlight::test {

/// Texts that have broken programs: quotes and SQL, Unicode of all kinds and what is none, control
/// characters, numbers that are none, format strings, paths, very long ones. As bytes, not percent-encoded.
const std::vector<std::string>& naughty_strings();

/// \param all  also what could stand in a URL as it is
std::string percent_encoded(const std::string& text, bool all = true);

}  // namespace gridlight::test
