#pragma once

#include <string>
#include <string_view>

namespace gridlight::sync {

/// JSON whose numbers are each replaced by 0 (or -0), for a parser that knows 64 bits only. What is no JSON
/// before is none after it.
struct json_without_numbers {
  std::string text;
  bool fits = true;  ///< all numbers are such as Postgres's numeric, and so jsonb, can hold
};
json_without_numbers without_numbers(std::string_view json);

}  // namespace gridlight::sync
