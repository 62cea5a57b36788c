#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "sync/load/features.hpp"

namespace gridlight::sync {
namespace {

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\x1e';
}

// GeoJSON is WGS 84 (RFC 7946, 4); older files may name it, or another system, which would be read wrongly.
bool names_wgs84(std::string_view crs) {
  return crs.find("CRS84") != crs.npos || crs.ends_with(":4326") || crs.ends_with("::4326") ||
         crs == "EPSG:4326";
}

}  // namespace

failure feature_splitter::at_line(std::string_view what) const {
  return {errc::input, "line " + std::to_string(line_) + ": " + std::string{what}};
}

result<bool> feature_splitter::reach(std::size_t at) {
  while (at >= window_.view().size()) {
    if (at > max_record_bytes) return at_line("a feature larger than 64 MiB");
    const auto more = window_.more();
    if (!more || !*more) return more;
  }
  return true;
}

void feature_splitter::drop(std::size_t n) {
  line_ += lines_in(window_.view().substr(0, n));
  window_.drop(n);
}

result<bool> feature_splitter::skip_blanks(std::string_view also) {
  for (;;) {
    const auto there = reach(0);
    if (!there || !*there) return there;
    const std::string_view view = window_.view();
    std::size_t n = 0;
    while (n < view.size() && (is_blank(view[n]) || also.find(view[n]) != also.npos))
      ++n;
    drop(n);
    if (n < view.size()) return true;
  }
}

// From behind an opening quote to behind the closing one.
result<std::size_t> feature_splitter::end_of_string(std::size_t at) {
  for (;; ++at) {
    const auto there = reach(at);
    if (!there) return there.error();
    if (!*there) return at_line("the file ends inside the feature that starts here");
    const char c = window_.view()[at];
    if (c == '"') return at + 1;
    if (c == '\\') ++at;
  }
}

// From a position `depth` brackets deep to behind the bracket that closes the outermost.
result<std::size_t> feature_splitter::end_of_object(std::size_t at, std::size_t depth) {
  for (;; ++at) {
    const auto there = reach(at);
    if (!there) return there.error();
    if (!*there) return at_line("the file ends inside the feature that starts here");
    const char c = window_.view()[at];
    if (c == '"') {
      const auto end = end_of_string(at + 1);
      if (!end) return end.error();
      at = *end - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at + 1;
    }
  }
}

// Looks through the object at the window's start for a member "features" that is an array: its place, or
// nothing.
result<std::optional<std::size_t>> feature_splitter::find_features() {
  std::size_t depth = 0;
  bool is_key = false;
  for (std::size_t at = 0;; ++at) {
    const auto there = reach(at);
    if (!there) return there.error();
    if (!*there) return at_line("the file ends inside the object that starts here");
    const char c = window_.view()[at];
    if (c == '"') {
      const auto end = end_of_string(at + 1);
      if (!end) return end.error();
      if (depth == 1) is_key = window_.view().substr(at, *end - at) == "\"features\"";
      at = *end - 1;
    } else if (c == '[' && depth == 1 && is_key) {
      return std::optional{at};
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return std::optional<std::size_t>{};
    } else if (c == ',') {
      is_key = false;
    }
  }
}

result<void> feature_splitter::enter_collection(std::size_t array_at) {
  const std::string head = std::string{window_.view().substr(0, array_at)} + "[]}";
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  if (parser.parse(head).get(object) != simdjson::SUCCESS) return at_line("not JSON before \"features\"");
  std::string_view crs;
  if (object["crs"]["properties"]["name"].get(crs) == simdjson::SUCCESS && !names_wgs84(crs))
    return at_line("its coordinates are in " + std::string{crs} +
                   "; GeoJSON is longitude and latitude (WGS 84)");
  drop(array_at + 1);
  inside_ = true;
  return {};
}

result<void> feature_splitter::leave_collection() {
  inside_ = false;
  const auto end = end_of_object(1, 1);
  if (!end) return end.error();
  drop(*end);
  return {};
}

result<std::optional<json_item>> feature_splitter::give(std::size_t length) {
  pending_ = length;
  return std::optional{json_item{window_.view().substr(0, length), line_}};
}

result<std::optional<json_item>> feature_splitter::next() {
  drop(pending_);
  pending_ = 0;
  if (!started_) {
    started_ = true;
    const auto start = reach(2);
    if (!start) return start.error();
    if (window_.view().starts_with("\xEF\xBB\xBF")) drop(3);
  }
  for (;;) {
    const auto there = skip_blanks(inside_ ? "," : "");
    if (!there) return there.error();
    if (!*there) {
      if (inside_) return at_line("the file ends inside \"features\"");
      return std::optional<json_item>{};
    }
    const char c = window_.view()[0];
    if (inside_ && c == ']') {
      if (const auto ok = leave_collection(); !ok) return ok.error();
      continue;
    }
    if (c != '{')
      return at_line(inside_ ? "\"features\" holds something that is not an object"
                             : "neither a Feature nor a FeatureCollection");
    if (!inside_) {
      const auto features = find_features();
      if (!features) return features.error();
      if (features->has_value()) {
        if (const auto ok = enter_collection(**features); !ok) return ok.error();
        continue;
      }
    }
    const auto end = end_of_object(1, 1);
    if (!end) return end.error();
    return give(*end);
  }
}

result<std::optional<json_item>> feature_lines::next() {
  if (pending_ > 0) {
    line_ += lines_in(window_.view().substr(0, pending_));
    window_.drop(pending_);
    pending_ = 0;
  }
  if (!started_) {
    started_ = true;
    while (window_.view().size() < 3) {  // only the file's first three bytes are a byte order mark
      const auto more = window_.more();
      if (!more) return more.error();
      if (!*more) break;
    }
    if (window_.view().starts_with("\xEF\xBB\xBF")) window_.drop(3);
    if (window_.view().starts_with('\x1e')) separator_ = '\x1e';
  }
  std::size_t searched = 0;
  for (;;) {
    std::string_view view = window_.view();
    const void* end = searched < view.size()
                          ? std::memchr(view.data() + searched, separator_, view.size() - searched)
                          : nullptr;
    if (end == nullptr) {
      searched = view.size();
      if (searched > max_record_bytes)
        return failure{errc::input, "line " + std::to_string(line_) + ": a feature larger than 64 MiB"};
      const auto more = window_.more();
      if (!more) return more.error();
      if (*more) continue;
      view = window_.view();
      if (view.empty()) return std::optional<json_item>{};
    }
    std::size_t length =
        end == nullptr ? view.size() : static_cast<std::size_t>(static_cast<const char*>(end) - view.data());
    const std::size_t whole = std::min(length + 1, view.size());
    std::size_t begin = 0;
    while (begin < length && is_blank(view[begin]))
      ++begin;
    while (length > begin && is_blank(view[length - 1]))
      --length;
    if (begin == length) {
      line_ += lines_in(view.substr(0, whole));
      window_.drop(whole);
      searched = 0;
      continue;
    }
    pending_ = whole;
    // Before the text there are only blanks; a line that begins with them still has its own number.
    return std::optional{
        json_item{view.substr(begin, length - begin), line_ + lines_in(view.substr(0, begin))}};
  }
}

}  // namespace gridlight::sync
