#include "server/config_reader.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>

#include "server/config_values.hpp"

namespace gridlight::config_detail {
namespace {

bool is_variable_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Hears where a document starts, and nothing else.
class start_listener : public YAML::EventHandler {
 public:
  YAML::Mark start;
  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

// What one ${…} stands for; `inside` is the text between the braces.
std::optional<std::string> variable(std::string_view inside, const environment_map& environment,
                                    std::string& why) {
  const auto mark = inside.find(":-");
  const std::string name{inside.substr(0, mark)};
  if (!is_variable_name(name)) {
    why =
        fmt::format("${{{}}} is no variable; write ${{NAME}} or ${{NAME:-default}}, or $${{ for a plain ${{",
                    shown(inside));
    return std::nullopt;
  }
  const auto found = environment.find(name);
  if (mark != inside.npos && (found == environment.end() || found->second.empty()))
    return std::string{inside.substr(mark + 2)};
  if (found == environment.end()) {
    why =
        fmt::format("the environment variable {} is not set; set it, or write ${{{}:-default}}", name, name);
    return std::nullopt;
  }
  return found->second;
}

}  // namespace

void faults::add(std::string_view where, std::string_view what) {
  constexpr std::size_t most = 50;
  if (lines.size() == most) lines.emplace_back("… and more");
  if (lines.size() < most)
    lines.push_back(where.empty() ? std::string{what} : fmt::format("{}: {}", where, what));
}

std::optional<std::string> substitute(std::string_view text, const environment_map& environment,
                                      std::string& why) {
  std::string out;
  while (!text.empty()) {
    const auto at = text.find("${");
    if (at == text.npos) break;
    if (at > 0 && text[at - 1] == '$') {
      out.append(text.substr(0, at - 1)).append("${");
      text.remove_prefix(at + 2);
      continue;
    }
    const auto end = text.find('}', at);
    if (end == text.npos) {
      why = "${ has no closing }; write $${ for a plain ${";
      return std::nullopt;
    }
    const auto value = variable(text.substr(at + 2, end - at - 2), environment, why);
    if (!value) return std::nullopt;
    out.append(text.substr(0, at)).append(*value);
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

YAML::Node read_document(const std::string& text) {
  // LoadAll would tell of a second document, but never ends on a stray } after the first.
  std::istringstream in{text};
  YAML::Parser parser{in};
  start_listener listener;
  if (parser.HandleNextDocument(listener) && parser.HandleNextDocument(listener))
    throw YAML::ParserException{listener.start,
                                "the file should have ended here (one document, no --- within)"};
  return YAML::Load(text);
}

std::string refusal(std::string_view name, std::string_view value, std::string_view rule, bool hidden) {
  const std::string what = hidden ? "***" : value.empty() ? "empty" : shown(value);
  return fmt::format("{} is {}; it must be {}", name, what, rule);
}

std::string unknown(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  const auto near = nearest(name, known);
  if (near.empty())
    return fmt::format("unknown {} {}; there are {}", what, shown(name), fmt::join(known, ", "));
  return fmt::format("unknown {} {}; did you mean {}?", what, shown(name), fmt::join(near, " or "));
}

std::string yaml_reader::where(const YAML::Node& at) const {
  const auto mark = at.Mark();
  return mark.is_null() ? origin_ : fmt::format("{}:{}", origin_, mark.line + 1);
}

void yaml_reader::fault(const YAML::Node& at, std::string_view what) {
  found_.add(where(at), what);
}

void yaml_reader::refuse(const entry& e, std::string_view value) {
  fault(e.node, refusal(e.name, value, e.rule, e.hidden));
}

std::optional<std::string> yaml_reader::scalar(const entry& e) {
  if (e.node.IsNull()) return std::string{};
  if (!e.node.IsScalar()) {
    fault(e.node, fmt::format("{} is a {}; it must be {}", e.name, e.node.IsMap() ? "map" : "list", e.rule));
    return std::nullopt;
  }
  std::string why;
  const auto value = substitute(e.node.Scalar(), environment_, why);
  if (!value) {
    fault(e.node, fmt::format("{}: {}", e.name, why));
    return std::nullopt;
  }
  return std::string{trim(*value)};
}

std::optional<std::vector<std::string>> yaml_reader::list(const entry& e) {
  if (!e.node.IsSequence()) {
    const auto text = scalar(e);
    if (!text) return std::nullopt;
    return split_list(*text);
  }
  std::vector<std::string> out;
  for (const YAML::Node& item : e.node) {
    const auto text = scalar({e.name, e.rule, e.hidden, item});
    if (!text) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

std::vector<std::pair<std::string, YAML::Node>> yaml_reader::pairs(std::string_view name,
                                                                   const YAML::Node& map) {
  std::vector<std::pair<std::string, YAML::Node>> out;
  if (map.IsNull()) return out;
  if (!map.IsMap()) {
    fault(map, fmt::format("{} must be a map of keys and values", name.empty() ? "the file" : name));
    return out;
  }
  std::map<std::string, std::string> seen;
  for (const auto& pair : map) {
    if (!pair.first.IsScalar()) {
      fault(pair.first, "a key must be a plain text");
      continue;
    }
    const std::string key = pair.first.Scalar();
    const auto [first, fresh] = seen.emplace(key, where(pair.first));
    if (fresh) {
      out.emplace_back(key, pair.second);
    } else {
      fault(pair.first, fmt::format("{}{}{} stands twice; first at {}", name, name.empty() ? "" : ".",
                                    shown(key), first->second));
    }
  }
  return out;
}

}  // namespace gridlight::config_detail
