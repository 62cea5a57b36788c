#include "sync/load/rows.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "sync/load/csv.hpp"
#include "sync/load/features.hpp"

namespace gridlight::sync {
namespace {

struct ending {
  std::string_view text;
  file_kind kind;
};
constexpr std::array endings{
    ending{".csv", file_kind::csv},
    ending{".geojson.seq", file_kind::geojson_lines},
    ending{".geojsonseq", file_kind::geojson_lines},
    ending{".geojsonl", file_kind::geojson_lines},
    ending{".geojsons", file_kind::geojson_lines},
    ending{".ndjson", file_kind::geojson_lines},
    ending{".ndgeojson", file_kind::geojson_lines},
    ending{".geojson", file_kind::geojson},
    ending{".json", file_kind::geojson},
};

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

const ending* known_ending(std::string_view lowered) {
  for (const ending& e : endings)
    if (lowered.ends_with(e.text)) return &e;
  return nullptr;
}

}  // namespace

std::optional<file_kind> kind_of_name(std::string_view file_name) {
  std::string name = lower(file_name);
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const ending* e = known_ending(name);
  return e == nullptr ? std::nullopt : std::optional{e->kind};
}

file_kind kind_of_content(std::string_view start) {
  if (start.starts_with("\xEF\xBB\xBF")) start.remove_prefix(3);
  const std::size_t first = start.find_first_not_of(" \t\r\n\x1e");
  if (first == start.npos || start[first] != '{') return file_kind::csv;
  if (start.find('\x1e') != start.npos) return file_kind::geojson_lines;
  // A first line that is one whole Feature: lines. Anything else is left to the brackets.
  const std::string_view line = start.substr(first, start.find('\n', first) - first);
  const std::size_t last = line.find_last_not_of(" \t\r");
  const bool whole = last != line.npos && line[last] == '}' && line.size() < start.size() - first;
  return whole && line.find("\"FeatureCollection\"") == line.npos ? file_kind::geojson_lines
                                                                  : file_kind::geojson;
}

std::string base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  if (lower(name).ends_with(".gz")) name.remove_suffix(3);
  if (const ending* e = known_ending(lower(name))) name.remove_suffix(e->text.size());
  return std::string{name};
}

result<std::unique_ptr<row_source>> open_rows(byte_source bytes, std::optional<file_kind> kind) {
  text_window window{std::move(bytes)};
  if (!kind) {
    while (window.view().size() < 64 * 1024) {
      const auto more = window.more();
      if (!more) return more.error();
      if (!*more) break;
    }
    kind = kind_of_content(window.view());
  }
  if (*kind == file_kind::csv) return open_csv(std::move(window));
  return open_features(std::move(window), *kind);
}

}  // namespace gridlight::sync
