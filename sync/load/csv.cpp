#include "sync/load/csv.hpp"

#include <simdjson.h>

#include <cstring>
#include <deque>

namespace gridlight::sync {
namespace {

// A field's place in the record, counted from the record's start: the window may move while a record is read.
struct field {
  std::size_t begin = 0, length = 0;
  bool quoted = false, doubled = false;
};

class csv_rows final : public row_source {
 public:
  explicit csv_rows(text_window window) : window_(std::move(window)) {}

  result<void> read_header() {
    while (window_.view().size() < 3) {
      const auto more = window_.more();
      if (!more) return more.error();
      if (!*more) break;
    }
    if (window_.view().starts_with("\xEF\xBB\xBF")) window_.drop(3);
    source_row row;
    const auto got = read_record(row);
    if (!got) return got.error();
    if (!*got) return failure{errc::input, "the file is empty: a CSV needs a header row"};
    if (!row.error.empty()) return failure{errc::input, "line 1: " + row.error};
    for (const cell& c : row.cells)
      columns_.emplace_back(c.text);
    return {};
  }

  result<bool> next(source_row& row) override {
    const auto got = read_record(row);
    if (!got || !*got) return got;
    if (row.error.empty() && row.cells.size() != columns_.size())
      row.error = std::to_string(row.cells.size()) + " fields where the header has " +
                  std::to_string(columns_.size());
    return true;
  }

  const std::vector<std::string>& columns() const noexcept override { return columns_; }
  bool has_features() const noexcept override { return false; }
  std::uint64_t consumed() const noexcept override { return window_.consumed(); }

 private:
  // Makes byte `at` of the window readable; false at the end of the file.
  result<bool> reach(std::size_t at) {
    while (at >= window_.view().size()) {
      if (at > max_record_bytes)
        return failure{errc::input, "line " + std::to_string(line_) +
                                        ": a record longer than 64 MiB (a quote that is never closed?)"};
      const auto more = window_.more();
      if (!more || !*more) return more;
    }
    return true;
  }

  // From the opening quote at `at` to behind the closing one.
  result<std::size_t> quoted_field(std::size_t at, field& f, std::string& error) {
    f = {at + 1, 0, true, false};
    for (++at;;) {
      const auto there = reach(at);
      if (!there) return there.error();
      if (!*there) {
        error = "a quoted field does not end before the end of the file";
        return at;
      }
      const std::string_view view = window_.view();
      const void* quote = std::memchr(view.data() + at, '"', view.size() - at);
      if (quote == nullptr) {
        at = view.size();
        continue;
      }
      at = static_cast<std::size_t>(static_cast<const char*>(quote) - view.data());
      const auto after = reach(at + 1);
      if (!after) return after.error();
      if (!*after || window_.view()[at + 1] != '"') break;
      f.doubled = true;
      at += 2;
    }
    f.length = at - f.begin;
    return at + 1;
  }

  // To the comma or line feed that ends an unquoted field (or the end of the file).
  result<std::size_t> plain_field(std::size_t at) {
    for (;;) {
      const std::string_view view = window_.view();
      for (; at < view.size(); ++at)
        if (view[at] == ',' || view[at] == '\n') return at;
      const auto there = reach(at);
      if (!there) return there.error();
      if (!*there) return at;
    }
  }

  result<bool> read_record(source_row& row) {
    row.error.clear();
    row.cells.clear();
    row.geometry.clear();
    if (const auto ok = skip_empty_lines(); !ok || !*ok) return ok;
    row.line = line_;
    fields_.clear();
    std::size_t at = 0, next_line = 0;
    for (;;) {
      field f{at, 0, false, false};
      const auto there = reach(at);
      if (!there) return there.error();
      if (*there && window_.view()[at] == '"') {
        const auto end = quoted_field(at, f, row.error);
        if (!end) return end.error();
        at = *end;
      }
      const std::size_t after_quotes = at;
      const auto end = plain_field(at);
      if (!end) return end.error();
      at = *end;
      const bool last = at >= window_.view().size() || window_.view()[at] == '\n';
      std::size_t text_end = at;
      if (last && text_end > after_quotes && window_.view()[text_end - 1] == '\r') --text_end;
      if (!f.quoted)
        f.length = text_end - f.begin;
      else if (text_end > after_quotes && row.error.empty())
        row.error = "characters after a closing quote";
      fields_.push_back(f);
      if (last) {
        next_line = std::min(at + 1, window_.view().size());
        break;
      }
      ++at;
    }
    finish(row, at, next_line);
    return true;
  }

  result<bool> skip_empty_lines() {
    window_.drop(pending_);
    pending_ = 0;
    for (;;) {
      const auto there = reach(0);
      if (!there || !*there) return there;
      if (window_.view()[0] == '\r') {
        const auto second = reach(1);
        if (!second) return second.error();
        if (*second && window_.view()[1] != '\n') return true;
        window_.drop(1);
        if (!*second) return false;
      }
      if (window_.view()[0] != '\n') return true;
      window_.drop(1);
      ++line_;
    }
  }

  // The record is whole and the window still: fields become views.
  void finish(source_row& row, std::size_t length, std::size_t next_record) {
    const std::string_view record = window_.view().substr(0, next_record);
    row.raw = record.substr(0, length);
    std::size_t used = 0;
    for (const field& f : fields_) {
      const std::string_view text = record.substr(f.begin, f.length);
      if (text.empty() && !f.quoted)
        row.cells.push_back({});
      else if (!f.doubled)
        row.cells.push_back({cell::kind::text, text});
      else {
        if (used == unescaped_.size()) unescaped_.emplace_back();
        row.cells.push_back({cell::kind::text, undouble(text, unescaped_[used++])});
      }
    }
    line_ += static_cast<std::uint64_t>(std::count(record.begin(), record.end(), '\n'));
    if (row.error.empty() && !simdjson::validate_utf8(record.data(), record.size())) row.error = "not UTF-8";
    pending_ = next_record;
  }

  static std::string_view undouble(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
      out += text[i];
      if (text[i] == '"') ++i;
    }
    return out;
  }

  text_window window_;
  std::vector<std::string> columns_;
  std::vector<field> fields_;
  std::deque<std::string> unescaped_;  // deque: views stay when it grows
  std::uint64_t line_ = 1;
  std::size_t pending_ = 0;  // of the record given out last
};

}  // namespace

result<std::unique_ptr<row_source>> open_csv(text_window window) {
  auto rows = std::make_unique<csv_rows>(std::move(window));
  if (const auto ok = rows->read_header(); !ok) return ok.error();
  return std::unique_ptr<row_source>{std::move(rows)};
}

}  // namespace gridlight::sync
