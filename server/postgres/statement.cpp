#include "server/postgres/statement.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cctype>

namespace gridlight::postgres {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The words of `sql` in lower case, one after the other; quoted text counts too, which errs on the safe side.
template <class Visit>
void for_each_word(std::string_view sql, Visit visit) {
  std::string word;
  for (std::size_t i = 0; i <= sql.size(); ++i) {
    if (i < sql.size() && word_char(sql[i])) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(sql[i])));
    } else if (!word.empty()) {
      if (!visit(word)) return;
      word.clear();
    }
  }
}

bool reads_only(std::string_view sql) {
  static constexpr std::array<std::string_view, 5> writing{"insert", "update", "delete", "merge", "into"};
  bool first = true, result = false;
  for_each_word(sql, [&](std::string_view word) {
    if (first) {
      first = false;
      result = word == "select" || word == "with" || word == "values" || word == "table";
      return result;
    }
    for (const std::string_view w : writing)
      result = result && word != w;
    return result;
  });
  return result;
}

template <class Int>
Int big_endian(Int v) {
  if constexpr (std::endian::native == std::endian::big) return v;
  if constexpr (sizeof v == 8) return static_cast<Int>(__builtin_bswap64(static_cast<std::uint64_t>(v)));
  return static_cast<Int>(__builtin_bswap32(static_cast<std::uint32_t>(v)));
}

}  // namespace

statement::statement(std::string sql, std::vector<Oid> parameters, std::vector<Oid> columns,
                     std::uint32_t weight)
    : id_(next_id()),
      sql_(std::move(sql)),
      parameters_(std::move(parameters)),
      columns_(std::move(columns)),
      weight_(weight),
      repeatable_(reads_only(sql_)) {}

void arguments::put(const void* data, std::size_t n, bool binary) {
  if (items_.empty()) {
    items_.reserve(8);
    buffer_.reserve(96);
  }
  items_.push_back({buffer_.size(), n, false, binary});
  buffer_.append(static_cast<const char*>(data), n);
  buffer_ += '\0';  // libpq takes the length of a text value from its terminator
}

arguments& arguments::add(double v) {
  const std::uint64_t bits = big_endian(std::bit_cast<std::uint64_t>(v));
  put(&bits, sizeof bits, true);
  return *this;
}

arguments& arguments::add(std::int64_t v) {
  const std::int64_t bits = big_endian(v);
  put(&bits, sizeof bits, true);
  return *this;
}

arguments& arguments::add(std::int32_t v) {
  const std::int32_t bits = big_endian(v);
  put(&bits, sizeof bits, true);
  return *this;
}

arguments& arguments::add(bool v) {
  const char bit = v ? 1 : 0;
  put(&bit, 1, true);
  return *this;
}

arguments& arguments::add_text(std::string_view v) {
  zero_byte_ = zero_byte_ || v.find('\0') != v.npos;
  put(v.data(), v.size(), false);
  return *this;
}

arguments& arguments::add_bytes(std::span<const std::byte> v) {
  put(v.data(), v.size(), true);
  return *this;
}

arguments& arguments::add_null() {
  items_.push_back({0, 0, true, false});
  return *this;
}

arguments::native arguments::to_native() const {
  native out;
  to_native(out);
  return out;
}

void arguments::to_native(native& out) const {
  out.values.resize(items_.size());
  out.lengths.resize(items_.size());
  out.formats.resize(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const item& it = items_[i];
    out.values[i] = it.null ? nullptr : buffer_.data() + it.at;
    out.lengths[i] = static_cast<int>(it.length);
    out.formats[i] = it.binary ? 1 : 0;
  }
}

}  // namespace gridlight::postgres
