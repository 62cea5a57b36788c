#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sync/load/byte_source.hpp"
#include "sync/load/rows.hpp"

namespace gridlight::sync {

/// The text of one JSON object and the line on which it starts.
struct json_item {
  std::string_view text;
  std::uint64_t line = 0;
};

/// Cuts GeoJSON text into its features without holding more than one: each object of a FeatureCollection's
/// "features", or each top-level object that has none (so GeoJSON objects one after the other work, too).
/// Only brackets and strings are looked at; whether an object is sound JSON is the parser's matter.
class feature_splitter {
 public:
  explicit feature_splitter(text_window window) : window_(std::move(window)) {}

  /// Nothing at the end. Fails with errc::input where no feature can be found, or with a `crs` that is not
  /// WGS 84.
  result<std::optional<json_item>> next();
  std::uint64_t consumed() const noexcept { return window_.consumed(); }

 private:
  result<bool> reach(std::size_t at);
  result<bool> skip_blanks(std::string_view also);
  result<std::size_t> end_of_string(std::size_t at);
  result<std::size_t> end_of_object(std::size_t at, std::size_t depth);
  result<std::optional<std::size_t>> find_features();
  result<void> enter_collection(std::size_t array_at);
  result<std::optional<json_item>> give(std::size_t length);
  result<void> leave_collection();
  void drop(std::size_t n);
  failure at_line(std::string_view what) const;

  text_window window_;
  std::uint64_t line_ = 1;
  std::size_t pending_ = 0;
  bool started_ = false, inside_ = false;
};

/// One feature a line (or, when the first byte is RS, a feature after each RS: RFC 8142).
class feature_lines {
 public:
  explicit feature_lines(text_window window) : window_(std::move(window)) {}
  result<std::optional<json_item>> next();
  std::uint64_t consumed() const noexcept { return window_.consumed(); }

 private:
  text_window window_;
  std::uint64_t line_ = 1;
  std::size_t pending_ = 0;
  bool started_ = false;
  char separator_ = '\n';
};

/// Rows of GeoJSON features. Their properties are the columns; a feature's own `id` is the column "id" unless
/// a property has that name.
std::unique_ptr<row_source> open_features(text_window window, file_kind kind);

}  // namespace gridlight::sync
