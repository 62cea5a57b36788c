#include <array>
#include <utility>

#include "sync/snowflake/json_walk.hpp"
#include "sync/snowflake/moment.hpp"

namespace gridlight::sync::snowflake {
namespace {

// Bare words that are no JSON, as Snowflake prints them.
constexpr std::array words{
    std::pair<std::string_view, std::string_view>{"undefined", "null"},
    std::pair<std::string_view, std::string_view>{"NaN", "\"NaN\""},
    std::pair<std::string_view, std::string_view>{"-Infinity", "\"-Infinity\""},
    std::pair<std::string_view, std::string_view>{"Infinity", "\"Infinity\""},
    std::pair<std::string_view, std::string_view>{"-inf", "\"-Infinity\""},
    std::pair<std::string_view, std::string_view>{"inf", "\"Infinity\""},
};

bool begins_word(char c) {
  return c == 'u' || c == 'N' || c == 'I' || c == 'i' || c == '-';
}

const std::pair<std::string_view, std::string_view>* word_at(std::string_view text) {
  for (const auto& w : words) {
    if (!text.starts_with(w.first)) continue;
    const char after = text.size() > w.first.size() ? text[w.first.size()] : ' ';
    if (json_walk::is_space(after) || after == ',' || after == ']' || after == '}') return &w;
  }
  return nullptr;
}

// Where the next such word stands outside strings, from `at` on, which is outside too.
std::pair<std::size_t, const std::pair<std::string_view, std::string_view>*> find_word(std::string_view text,
                                                                                       std::size_t at) {
  while (at < text.size()) {
    if (text[at] == '"') {
      const std::size_t end = closing_quote(text, at + 1, at + 1);
      if (end == text.npos) break;
      at = end + 1;
      continue;
    }
    const bool alone = at == 0 || json_walk::is_space(text[at - 1]) || text[at - 1] == ',' ||
                       text[at - 1] == ':' || text[at - 1] == '[';
    if (alone && begins_word(text[at]))
      if (const auto* word = word_at(text.substr(at))) return {at, word};
    ++at;
  }
  return {text.npos, nullptr};
}

}  // namespace

bool needs_rewriting(std::string_view json) noexcept {
  return find_word(json, 0).second != nullptr;
}

std::string strict_json(std::string_view text) {
  std::string out;
  std::size_t kept = 0;
  for (auto found = find_word(text, 0); found.second != nullptr; found = find_word(text, kept)) {
    out.append(text, kept, found.first - kept).append(found.second->second);
    kept = found.first + found.second->first.size();
  }
  return out.append(text, kept);
}

}  // namespace gridlight::sync::snowflake
