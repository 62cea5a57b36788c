#include "sync/snowflake/rows.hpp"

#include <simdjson.h>

#include "sync/snowflake/body_window.hpp"
#include "sync/snowflake/decode.hpp"
#include "sync/snowflake/json_walk.hpp"

namespace gridlight::sync::snowflake {
namespace {

namespace ondemand = simdjson::ondemand;

class partition_rows final : public row_source {
 public:
  partition_rows(partition_body body, const std::vector<column>& columns)
      : body_(std::make_unique<partition_body>(std::move(body))),
        window_(from_memory(body_->bytes), body_->most_unpacked),
        decoder_(columns) {
    for (const column& c : columns)
      names_.push_back(c.name);
  }

  result<bool> next(source_row& row) override;
  const std::vector<std::string>& columns() const noexcept override { return names_; }
  bool has_features() const noexcept override { return false; }
  std::uint64_t consumed() const noexcept override { return window_.consumed(); }

 private:
  result<void> find_data();
  result<void> finish();
  result<std::size_t> row_size();
  result<void> read_cells(std::string_view text, std::size_t room, source_row& row);

  std::unique_ptr<partition_body> body_;  // the window looks at its bytes
  body_window window_;
  row_decoder decoder_;
  std::vector<std::string> names_;
  ondemand::parser parser_;
  std::uint64_t rows_ = 0;
  std::size_t size_ = 0;  // of the row given last
  bool started_ = false, ended_ = false, in_object_ = false;
};

// Up to and with the bracket that opens the rows: {"data":[…]}, whatever else the object has, or […].
result<void> partition_rows::find_data() {
  started_ = true;
  if (body_->gzip && !body_->bytes.starts_with("\x1f\x8b")) return broken_partition("is no gzip");
  auto c = window_.peek();
  if (!c) return c.error();
  in_object_ = *c == '{';
  for (bool first = true; in_object_; first = false) {
    if (!first && *c != ',') return broken_partition("holds no data");
    window_.drop(1);
    if (c = window_.peek(); !c) return c.error();
    if (*c != '"') return broken_partition("holds no data");
    const auto size = window_.string_size();
    if (!size) return size.error();
    const bool found = window_.view().substr(0, *size) == "\"data\"";
    window_.drop(*size);
    if (c = window_.peek(); !c) return c.error();
    if (*c != ':') return broken_partition("is no JSON");
    window_.drop(1);
    if (c = window_.peek(); !c) return c.error();
    if (found) break;
    if (const auto ok = window_.skip_value(); !ok) return ok.error();
    if (c = window_.peek(); !c) return c.error();
  }
  if (*c != '[') return broken_partition("holds no rows");
  window_.drop(1);
  return {};
}

// What follows the rows is read too: a gzip's checksum stands behind it.
result<void> partition_rows::finish() {
  ended_ = true;
  window_.drop(1);
  auto c = window_.peek();
  while (c && in_object_ && *c == ',') {
    window_.drop(1);
    if (const auto name = window_.skip_value(); !name) return name.error();
    if (c = window_.peek(); !c || *c != ':') return c ? broken_partition("is no JSON") : c.error();
    window_.drop(1);
    if (const auto value = window_.skip_value(); !value) return value.error();
    c = window_.peek();
  }
  if (c && in_object_) {
    if (*c != '}') return broken_partition("is cut off");
    window_.drop(1);
    c = window_.peek();
  }
  if (!c) return c.error();
  if (*c != '\0') return broken_partition("is followed by something else");
  if (rows_ != body_->rows)
    return broken_partition("has " + std::to_string(rows_) + " rows instead of " +
                            std::to_string(body_->rows));
  return {};
}

// Of the row that begins the view. Cells are strings and null: the first bracket outside a string ends it.
result<std::size_t> partition_rows::row_size() {
  std::size_t at = 1, string_start = 0;
  for (;;) {
    const std::string_view text = window_.view();
    while (at < text.size()) {
      if (string_start > 0) {
        const std::size_t end = closing_quote(text, string_start, at);
        at = end == text.npos ? text.size() : end + 1;
        if (end == text.npos) break;
        string_start = 0;
        continue;
      }
      const char c = text[at++];
      if (c == ']') return at;
      if (c == '"') string_start = at;
      if (c == '[' || c == '{') return broken_partition("has a cell that is neither text nor null");
    }
    const auto read = window_.more();
    if (!read) return read.error();
    if (!*read) return broken_partition("is cut off");
  }
}

result<bool> partition_rows::next(source_row& row) {
  if (ended_) return false;
  if (!started_)
    if (const auto ok = find_data(); !ok) return ok.error();
  window_.drop(size_);
  size_ = 0;
  auto c = window_.peek();
  if (!c) return c.error();
  if (*c == ',' && rows_ > 0) {
    window_.drop(1);
    if (c = window_.peek(); !c) return c.error();
  } else if (*c == ']') {
    if (const auto ok = finish(); !ok) return ok.error();
    return false;
  } else if (rows_ > 0) {
    return broken_partition(*c == '\0' ? "is cut off" : "is no JSON");
  }
  if (*c != '[') return broken_partition(*c == '\0' ? "is cut off" : "has a row that is no array");
  const auto size = row_size();
  if (!size) return size.error();
  size_ = *size;
  if (++rows_ > body_->rows)
    return broken_partition("has more rows than the " + std::to_string(body_->rows) + " it should have");
  row.line = rows_;
  row.raw = window_.view().substr(0, size_);
  row.error.clear();
  row.geometry.clear();
  if (const auto ok = read_cells(row.raw, window_.room_behind(), row); !ok) return ok.error();
  if (row.error.empty()) row.error = decoder_.decode(row.cells);
  return true;
}

// A text that is no Unicode is that row's fault alone; another structure is the end of the partition.
result<void> partition_rows::read_cells(std::string_view text, std::size_t room, source_row& row) {
  row.cells.clear();
  ondemand::document document;
  ondemand::array cells;
  const simdjson::padded_string_view padded{text.data(), text.size(), room};
  // Not anew for each row that is a little longer than all before.
  if (text.size() > parser_.capacity() &&
      parser_.allocate(std::max<std::size_t>(64 * 1024, text.size() + text.size() / 4)) != simdjson::SUCCESS)
    return broken_partition("has a row that is too long");
  simdjson::error_code e = parser_.iterate(padded).get(document);
  if (e == simdjson::UTF8_ERROR) {
    row.error = "not UTF-8";
    return {};
  }
  if (e == simdjson::SUCCESS) e = document.get_array().get(cells);
  if (e != simdjson::SUCCESS) return broken_partition("has a row that is no JSON");
  for (auto each : cells) {
    ondemand::value value;
    ondemand::json_type type{};
    if (each.get(value) != simdjson::SUCCESS || value.type().get(type) != simdjson::SUCCESS)
      return broken_partition("has a row that is no JSON");
    cell& out = row.cells.emplace_back();
    if (type == ondemand::json_type::null) {
      bool null = false;
      if (value.is_null().get(null) != simdjson::SUCCESS || !null)
        return broken_partition("has a row that is no JSON");
      continue;
    }
    if (type != ondemand::json_type::string)
      return broken_partition("has a cell that is neither text nor null");
    out.is = cell::kind::text;
    if (value.get_string().get(out.text) == simdjson::SUCCESS) continue;
    const std::size_t n = row.cells.size() - 1;
    row.error = (n < names_.size() ? names_[n] : "a column") + ": holds text that is not Unicode";
  }
  if (row.cells.size() != names_.size())
    return broken_partition("has a row of " + std::to_string(row.cells.size()) + " cells instead of " +
                            std::to_string(names_.size()));
  return {};
}

}  // namespace

std::unique_ptr<row_source> open_partition(partition_body body, const std::vector<column>& columns) {
  return std::make_unique<partition_rows>(std::move(body), columns);
}

}  // namespace gridlight::sync::snowflake
