#include "server/identity/token_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "server/config_reader.hpp"
#include "server/config_values.hpp"

namespace gridlight::identity {
namespace {

using namespace config_detail;

constexpr std::size_t max_file_bytes = 1 << 20;

// One entry while it is read. What breaks a rule becomes a fault with its line.
class entry_reader {
 public:
  entry_reader(yaml_reader& yaml, std::size_t number)
      : yaml_(yaml), prefix_(fmt::format("token {}", number)) {}

  token_entry read(const YAML::Node& node);

 private:
  void store(const std::string& key, const YAML::Node& node);
  void store_scopes(const entry& e);

  yaml_reader& yaml_;
  std::string prefix_;
  token_entry out_;
  std::set<std::string> seen_;
};

void entry_reader::store_scopes(const entry& e) {
  const auto names = yaml_.list(e);
  if (!names) return;
  for (const std::string& each : *names) {
    const auto known = scope_named(each);
    if (!known) return yaml_.refuse(e, each);
    out_.allowed.add(*known);
  }
  if (out_.allowed.empty()) yaml_.refuse(e, "");
}

void entry_reader::store(const std::string& key, const YAML::Node& node) {
  const auto of = [&](std::string_view rule, bool hidden = false) {
    return entry{prefix_ + "." + key, rule, hidden, node};
  };
  if (key == "scopes") return store_scopes(of("one or more of read, write, personal"));
  if (key == "name") {
    const entry e = of("a letter or digit, then at most 62 of letters, digits and ._-@");
    const auto text = yaml_.scalar(e);
    if (text && !is_token_name(*text)) yaml_.refuse(e, *text);
    if (text) out_.name = *text;
  } else if (key == "hash") {
    // A token put here by mistake must not be shown.
    const entry e = of("sha256: and 64 hexadecimal digits, as gridlight token prints them", true);
    const auto text = yaml_.scalar(e);
    const auto hash = text ? read_digest(*text) : std::nullopt;
    if (text && !hash) yaml_.refuse(e, *text);
    if (hash) out_.hash = *hash;
  } else if (key == "priority") {
    const entry e = of("true or false");
    const auto text = yaml_.scalar(e);
    const auto flag = text ? read_boolean(*text) : std::nullopt;
    if (text && !flag) yaml_.refuse(e, *text);
    out_.priority = flag.value_or(false);
  } else if (key == "expires") {
    const entry e = of("a time such as 2027-01-31T00:00:00Z, or a date");
    const auto text = yaml_.scalar(e);
    out_.expires = text ? read_time(*text) : std::nullopt;
    if (text && !out_.expires) yaml_.refuse(e, *text);
  } else {
    yaml_.fault(node, unknown("key", prefix_ + "." + key,
                              {prefix_ + ".name", prefix_ + ".hash", prefix_ + ".scopes",
                               prefix_ + ".priority", prefix_ + ".expires"}));
  }
}

token_entry entry_reader::read(const YAML::Node& node) {
  for (const auto& [key, value] : yaml_.pairs(prefix_, node)) {
    seen_.insert(key);
    store(key, value);
  }
  for (const char* needed : {"name", "hash", "scopes"})
    if (!seen_.contains(needed)) yaml_.fault(node, fmt::format("{} has no {}", prefix_, needed));
  return std::move(out_);
}

}  // namespace

result<std::vector<token_entry>> parse_tokens(std::string_view yaml, std::string_view origin) {
  std::vector<token_entry> out;
  faults found;
  const environment_map no_variables;
  yaml_reader reader{std::string{origin}, no_variables, found};
  if (yaml.size() > max_file_bytes) {
    found.add(origin, "is larger than 1MB, so it is no file of tokens");
  } else {
    try {
      const YAML::Node root = read_document(std::string{yaml});
      if (!root.IsNull() && !root.IsSequence())
        reader.fault(root, "must be a list, an entry (- name: …) a token");
      std::size_t number = 0;
      if (root.IsSequence())
        for (const YAML::Node& node : root)
          out.push_back(entry_reader{reader, ++number}.read(node));
    } catch (const YAML::Exception& e) {
      const auto where =
          e.mark.is_null() ? std::string{origin} : fmt::format("{}:{}", origin, e.mark.line + 1);
      found.add(where, fmt::format("is no YAML: {}", shown(e.msg)));
    }
  }
  if (found.lines.empty()) {
    std::set<std::string> names;
    std::set<digest> hashes;
    for (const token_entry& e : out) {
      if (!names.insert(e.name).second) found.add(origin, fmt::format("two tokens have the name {}", e.name));
      if (!hashes.insert(e.hash).second)
        found.add(origin, fmt::format("token {} has the hash of another", e.name));
    }
  }
  if (!found.lines.empty()) return failure{errc::input, fmt::format("{}", fmt::join(found.lines, "\n"))};
  return out;
}

result<std::vector<token_entry>> read_tokens(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::string text(max_file_bytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.gcount() == 0 && (!in.is_open() || in.bad()))
    return failure{errc::input,
                   fmt::format("auth.tokens_file {} cannot be read: {}", path, std::strerror(errno))};
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_tokens(text, path);
}

std::string entry_text(const token_entry& e, std::string_view expires) {
  std::string names;
  for (const scope s : {scope::read, scope::write, scope::personal})
    if (e.allowed.has(s)) names.append(names.empty() ? "" : ", ").append(name(s));
  std::string out = fmt::format("- name: {}\n  hash: {}\n  scopes: [{}]\n", e.name, text_of(e.hash), names);
  if (e.priority) out += "  priority: true\n";
  if (!expires.empty()) out += fmt::format("  expires: \"{}\"\n", expires);
  return out;
}

}  // namespace gridlight::identity
