// Any bytes as an answer, as a partition and as a cell of each type: rows do not depend on how the window is
// filled, JSON is JSON afterwards, and what decodes as a time is read by the encoder.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "sync/load/values.hpp"
#include "sync/snowflake/decode.hpp"
#include "sync/snowflake/rows.hpp"

using namespace gridlight;
using namespace gridlight::sync;
using namespace gridlight::sync::snowflake;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

// The rows, with blanks put before the text so that pieces end elsewhere.
std::string rows_of(const std::string& text, std::size_t blanks, std::uint64_t rows, bool gzip) {
  static const std::vector<column> columns(2);
  partition_body body{std::string(gzip ? 0 : blanks, ' ') + text, gzip, rows, 1 << 20};
  const auto source = open_partition(std::move(body), columns);
  source_row row;
  std::string out;
  for (;;) {
    const auto more = source->next(row);
    if (!more) return out + "!" + more.error().detail;
    if (!*more) return out;
    must(row.cells.size() == 2 || !row.error.empty());
    for (const cell& c : row.cells)
      out.append(c.is == cell::kind::null ? "~" : c.text) += '|';
    out += row.error;
  }
}

void decode_as(std::string_view type, std::string_view text) {
  column c;
  c.type = type;
  const std::vector<column> columns{c};
  row_decoder decoder{columns};
  std::vector<cell> cells{{cell::kind::text, text}};
  if (!decoder.decode(cells).empty() || cells[0].is != cell::kind::text) return;
  if (type == "date") must(read_date(cells[0].text).has_value());
  if (type == "time") must(read_clock(cells[0].text).has_value());
  if (type.starts_with("timestamp")) {
    const auto time = read_time(cells[0].text);
    must(time && time->zoned == (type != "timestamp_ntz"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::uint64_t rows = data[0] % 8;
  const bool gzip = data[0] >= 128;
  // gzip is known by its first bytes, header or not: no blanks before it.
  const bool packed = gzip || text.starts_with("\x1f\x8b");
  must(rows_of(text, 0, rows, packed) == rows_of(text, 256 * 1024 - size / 2, rows, packed));
  if (const auto a = read_answer(text)) must(!text.empty());
  for (const char* type :
       {"date", "time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz", "real", "variant"})
    decode_as(type, text);
  const std::string once = strict_json(text);
  must(strict_json(once) == once);
  simdjson::dom::parser parser;
  simdjson::dom::element ignored;
  if (parser.parse(text).get(ignored) == simdjson::SUCCESS) must(once == text);
  return 0;
}
