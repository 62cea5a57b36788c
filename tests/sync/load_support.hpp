#pragma once

#include <zlib.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/wkb.hpp"
#include "sync/load/rows.hpp"

namespace gridlight::test {

/// `text` as one gzip member.
inline std::string packed(std::string_view text) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, static_cast<uLong>(text.size())) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// A source that never gives more than `size` bytes at once.
inline sync::byte_source in_pieces(std::string text, std::size_t size) {
  auto rest = std::make_shared<std::pair<std::string, std::size_t>>(std::move(text), 0);
  return sync::byte_source{[rest, size](std::span<char> into) -> result<std::size_t> {
    const std::size_t n = std::min({size, into.size(), rest->first.size() - rest->second});
    rest->first.copy(into.data(), n, rest->second);
    rest->second += n;
    return n;
  }};
}

inline std::string text_of(const sync::cell& c) {
  using kind = sync::cell::kind;
  switch (c.is) {
    case kind::null:
      return "NULL";
    case kind::integer:
      return std::to_string(c.integer);
    case kind::boolean:
      return c.integer != 0 ? "true" : "false";
    case kind::number: {
      std::string out;
      geo::append_decimal(out, c.number, 7);
      return out;
    }
    default:
      return std::string{c.text};
  }
}

/// Each row as "LINE: cell|cell|…", "LINE: error: …" when it is bad, and a failure as "failure: …".
inline std::vector<std::string> all_rows(sync::byte_source bytes, std::optional<sync::file_kind> kind,
                                         std::vector<std::string>* columns = nullptr) {
  std::vector<std::string> out;
  const auto source = sync::open_rows(std::move(bytes), kind);
  if (!source) return {"failure: " + source.error().detail};
  for (sync::source_row row;;) {
    const auto more = (*source)->next(row);
    if (!more) out.push_back("failure: " + more.error().detail);
    if (!more || !*more) break;
    std::string& line = out.emplace_back(std::to_string(row.line) + ": ");
    if (!row.error.empty()) {
      line += "error: " + row.error;
      continue;
    }
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      line += (i == 0 ? "" : "|") + text_of(row.cells[i]);
    if (!row.geometry.empty() && geo::inspect_wkb(row.geometry).type == geo::geometry_type::point)
      line += " @POINT";
  }
  if (columns != nullptr) *columns = (*source)->columns();
  return out;
}

}  // namespace gridlight::test
