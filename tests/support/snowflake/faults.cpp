#include "tests/support/snowflake/faults.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace gridlight::test::snowflake {
namespace {

constexpr auto kinds = std::to_array<std::string_view>(
    {"status", "html", "empty", "stall", "cut", "truncated_gzip", "wrong_partition", "added_column",
     "dropped_column", "short_partition", "wrong_count", "truncated_result"});
constexpr auto routes = std::to_array<std::string_view>({"any", "submit", "poll", "partition", "cancel"});

template <class Enum, std::size_t N>
Enum by_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::runtime_error{"no such fault or route: " + std::string{name}};
  return static_cast<Enum>(found - names.begin());
}

// Where partitions are, a fault of rows meets those alone.
bool suits(fault::kind what, route on, fault_plan::stage now) {
  const bool of_result = what == fault::kind::wrong_count || what == fault::kind::truncated_result;
  if (of_result != (now == fault_plan::stage::result)) return false;
  switch (what) {
    case fault::kind::truncated_gzip:
    case fault::kind::wrong_partition:
    case fault::kind::added_column:
    case fault::kind::dropped_column:
    case fault::kind::short_partition:
      return on == route::partition;
    default:
      return true;
  }
}

// The end of the row that begins at `at`.
std::size_t row_end(const std::string& rows, std::size_t at) {
  bool quoted = false;
  for (std::size_t i = at; i < rows.size(); ++i) {
    if (quoted && rows[i] == '\\')
      ++i;
    else if (rows[i] == '"')
      quoted = !quoted;
    else if (!quoted && rows[i] == ']')
      return i;
  }
  throw std::runtime_error{"rows without an end"};
}

std::string without_last_cell(const std::string& row) {
  std::size_t comma = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (quoted && row[i] == '\\')
      ++i;
    else if (row[i] == '"')
      quoted = !quoted;
    else if (!quoted && row[i] == ',')
      comma = i;
  }
  return row.substr(0, comma);
}

}  // namespace

fault fault_from_json(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object members;
  if (parser.parse(json).get(members) != simdjson::SUCCESS)
    throw std::runtime_error{"a fault is a JSON object"};
  fault out;
  for (const auto& [name, value] : members) {
    std::string_view text;
    std::int64_t n = 0;
    const bool is_text = value.get(text) == simdjson::SUCCESS, is_number = value.get(n) == simdjson::SUCCESS;
    if (name == "what" && is_text)
      out.what = by_name<fault::kind>(kinds, text);
    else if (name == "on" && is_text)
      out.on = by_name<route>(routes, text);
    else if (name == "code" && is_text)
      out.code = text;
    else if (name == "message" && is_text)
      out.message = text;
    else if (name == "after" && value.is_bool())
      out.after = value.get_bool().value();
    else if (name == "probability" && value.is_number())
      out.probability = value.is_double() ? value.get_double().value() : static_cast<double>(n);
    else if (name == "times" && is_number)
      out.times = static_cast<int>(n);
    else if (name == "partition" && is_number)
      out.partition = static_cast<int>(n);
    else if (name == "status" && is_number)
      out.status = static_cast<int>(n);
    else if (name == "retry_after_s" && is_number)
      out.retry_after_s = static_cast<int>(n);
    else if (name == "pause_ms" && is_number)
      out.pause = std::chrono::milliseconds{n};
    else if (name == "bytes" && is_number)
      out.bytes = static_cast<std::size_t>(n);
    else
      throw std::runtime_error{"a fault has no such member: " + std::string{name}};
  }
  return out;
}

void fault_plan::seed(std::uint64_t s) {
  const std::lock_guard lock{mutex_};
  random_ = sync::demo::random{s};
}

void fault_plan::add(fault f) {
  const std::lock_guard lock{mutex_};
  plan_.push_back(std::move(f));
}

void fault_plan::clear() {
  const std::lock_guard lock{mutex_};
  plan_.clear();
}

std::optional<fault> fault_plan::next(route on, int partition, stage now) {
  const std::lock_guard lock{mutex_};
  for (auto it = plan_.begin(); it != plan_.end(); ++it) {
    const bool meets = (it->on == route::any || it->on == on) && suits(it->what, on, now) &&
                       (it->partition < 0 || it->partition == partition);
    if (!meets || (it->probability < 1 && random_.unit() >= it->probability)) continue;
    fault out = *it;
    if (it->times > 0 && --it->times == 0) plan_.erase(it);
    ++fired_;
    return out;
  }
  return {};
}

std::size_t fault_plan::fired() const {
  const std::lock_guard lock{mutex_};
  return fired_;
}

void fault_plan::wait(std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  ending_.wait_for(lock, time, [this] { return ended_; });
}

void fault_plan::end() {
  {
    const std::lock_guard lock{mutex_};
    ended_ = true;
  }
  ending_.notify_all();
}

std::string spoil_rows(const std::string& rows, fault::kind what) {
  std::string out = "[";
  for (std::size_t at = 1; at < rows.size() && rows[at] == '[';) {
    const std::size_t end = row_end(rows, at);
    const std::string row = rows.substr(at, end - at);  // without its bracket
    const bool last = rows[end + 1] == ']';
    at = end + 2;
    if (last && what == fault::kind::short_partition) break;
    if (out.size() > 1) out += ',';
    out += what == fault::kind::added_column     ? row + ",\"added\""
           : what == fault::kind::dropped_column ? without_last_cell(row)
                                                 : row;
    out += ']';
  }
  return out + "]";
}

}  // namespace gridlight::test::snowflake
