#include "sync/load/storable.hpp"

#include <simdjson.h>

#include "server/log.hpp"

namespace gridlight::sync {

std::string storable(std::string text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
    text.pop_back();  // a character that was cut in two
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
  const bool sound = simdjson::validate_utf8(text.data(), text.size()) && text.find('\0') == text.npos;
  return sound ? text : log::escape(text);
}

}  // namespace gridlight::sync
