#include "tests/support/snowflake/sql_tokens.hpp"

#include <algorithm>
#include <cctype>

#include "tests/support/snowflake/sql_failure.hpp"

namespace gridlight::test::snowflake {
namespace {

bool starts_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}
bool in_word(char c) {
  return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

[[noreturn]] void unfinished(std::string_view what) {
  throw compilation("001003", "42000", "syntax error: unfinished " + std::string{what} + ".");
}

class splitter {
 public:
  explicit splitter(std::string_view sql) : sql_(sql) {}

  tokens all() {
    while (skip_blank(), at_ < sql_.size())
      next();
    return std::move(out_);
  }

 private:
  bool sees(std::string_view text) const { return sql_.substr(at_, text.size()) == text; }

  void skip_blank() {
    for (spaced_ = false; at_ < sql_.size(); spaced_ = true) {
      if (std::isspace(static_cast<unsigned char>(sql_[at_])) != 0) {
        ++at_;
      } else if (sees("--") || sees("//")) {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (sees("/*")) {
        const auto end = sql_.find("*/", at_ + 2);
        if (end == std::string_view::npos) unfinished("comment");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  void add(token::kind type, std::size_t size) {
    out_.push_back({type, std::string{sql_.substr(at_, size)}, spaced_});
    at_ += size;
  }

  std::size_t run(bool (*member)(char)) const {
    std::size_t n = 0;
    while (at_ + n < sql_.size() && member(sql_[at_ + n]))
      ++n;
    return n;
  }

  void next() {
    const char c = sql_[at_];
    if (c == '\'') return string();
    if (c == '"') return quoted();
    if (sees("$$")) return dollars();
    if (starts_word(c)) return add(token::kind::word, run(in_word));
    if (is_digit(c)) return add(token::kind::number, run([](char d) { return is_digit(d) || d == '.'; }));
    if (c == '?') return add(token::kind::bind, 1);
    for (const std::string_view mark : {"::", "=>", "<=", ">=", "<>", "!=", "||", "->"})
      if (sees(mark)) return add(token::kind::mark, mark.size());
    add(token::kind::mark, 1);
  }

  // Snowflake's backslash is an escape; Postgres wants an E for that.
  void string() {
    std::size_t end = at_ + 1;
    bool escapes = false;
    for (;; ++end) {
      if (end >= sql_.size()) unfinished("string");
      if (sql_[end] == '\\') {
        escapes = true;
        ++end;
      } else if (sql_[end] == '\'') {
        if (end + 1 >= sql_.size() || sql_[end + 1] != '\'') break;
        ++end;
      }
    }
    add(token::kind::string, end + 1 - at_);
    if (escapes) out_.back().text.insert(0, "E");
  }

  void quoted() {
    std::size_t end = at_;
    do {
      end = sql_.find('"', end + 1);
      if (end == std::string_view::npos) unfinished("identifier");
    } while (end + 1 < sql_.size() && sql_[end + 1] == '"' && ++end > 0);
    add(token::kind::quoted, end + 1 - at_);
    out_.back().text = swap_case(out_.back().text);
  }

  void dollars() {
    const auto end = sql_.find("$$", at_ + 2);
    if (end == std::string_view::npos) unfinished("string");
    add(token::kind::string, end + 2 - at_);
  }

  std::string_view sql_;
  std::size_t at_ = 0;
  bool spaced_ = false;
  tokens out_;
};

}  // namespace

bool token::is(std::string_view word) const {
  return (type == kind::word || type == kind::mark) && text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(),
                    [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
}

tokens split_tokens(std::string_view sql) {
  return splitter{sql}.all();
}

std::vector<tokens> split_statements(const tokens& all) {
  std::vector<tokens> out(1);
  for (const token& t : all) {
    if (t.is(";"))
      out.emplace_back();
    else
      out.back().push_back(t);
  }
  std::erase_if(out, [](const tokens& one) { return one.empty(); });
  return out;
}

std::string join(const tokens& all, std::size_t from, std::size_t to) {
  std::string out;
  for (std::size_t i = from; i < std::min(to, all.size()); ++i) {
    if (all[i].spaced && i != from) out += ' ';
    out += all[i].text;
  }
  return out;
}

std::size_t closing(const tokens& all, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < all.size(); ++i) {
    if (all[i].is("(")) ++depth;
    if (all[i].is(")") && --depth == 0) return i;
  }
  throw compilation("001003", "42000", "syntax error: unexpected '<EOF>'.");
}

void replace(tokens& all, std::size_t from, std::size_t to, std::string text) {
  const bool spaced = all[from].spaced;
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(from);
  all.erase(first, all.begin() + static_cast<std::ptrdiff_t>(to));
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(from), {token::kind::number, std::move(text), spaced});
}

std::string swap_case(std::string_view name) {
  std::string out{name};
  for (char& c : out) {
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
    else if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace gridlight::test::snowflake
