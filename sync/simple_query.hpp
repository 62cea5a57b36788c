#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// A whole number as a simple query's answer writes it; 0 for what is none.
inline std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// A name as SQL.
inline std::string ident(std::string_view name) {
  return postgres::connection::quote_identifier(name);
}

}  // namespace gridlight::sync
