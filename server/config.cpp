#include "server/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "embedded/default_config.hpp"
#include "server/config_keys.hpp"
#include "server/config_layers.hpp"
#include "server/config_reader.hpp"
#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight {
namespace {

using namespace config_detail;

constexpr std::size_t max_file_bytes = 4 << 20;
constexpr std::string_view prefix = "GRIDLIGHT_";
constexpr std::string_view database_url = "GRIDLIGHT_DATABASE_URL";

// GRIDLIGHT_* that are no settings: where the configuration is, and what tests and tools read.
constexpr std::string_view other_variables[] = {
    "GRIDLIGHT_CONFIG",     database_url,           "GRIDLIGHT_REAL_DATA",    "GRIDLIGHT_TEST_DATABASE_URL",
    "GRIDLIGHT_SOAK",       "GRIDLIGHT_SOAK_SHARE", "GRIDLIGHT_SOAK_MINUTES", "GRIDLIGHT_BINARY",
    "GRIDLIGHT_SOURCE_DIR", "GRIDLIGHT_TOKEN"};

std::vector<std::string> setting_names() {
  std::vector<std::string> out;
  for (const setting& s : settings_table())
    out.push_back(s.name);
  out.emplace_back("sync.tables");
  out.emplace_back("layers");
  return out;
}

// The values of one source after the other, and what is wrong with any of them.
class loading {
 public:
  explicit loading(config start, bool built_in = false) : out_(std::move(start)), built_in_(built_in) {}

  void yaml(std::string_view text, const std::string& origin, const environment_map& environment);
  void environment(const environment_map& all);
  void flags(const environment_map& all);
  void fault(std::string_view where, std::string_view what) { found_.add(where, what); }
  result<config> finish();

 private:
  void mark_given();
  void section(yaml_reader& reader, const std::string& name, const YAML::Node& node);
  void sync_tables(yaml_reader& reader, const YAML::Node& node);
  void store(const setting& s, std::span<const std::string> values, const std::string& where);
  void store_text(const setting& s, std::string_view text, const std::string& where);

  config out_;
  bool built_in_;
  faults found_;
  std::map<std::string, std::string, std::less<>> set_at_;
};

void loading::store(const setting& s, std::span<const std::string> values, const std::string& where) {
  set_at_[s.name] = where;
  if (!s.store(out_, values))
    fault(where, refusal(s.name, fmt::format("{}", fmt::join(values, ", ")), s.rule, s.hidden));
}

void loading::store_text(const setting& s, std::string_view text, const std::string& where) {
  const auto values = s.list ? split_list(text) : std::vector<std::string>{std::string{trim(text)}};
  store(s, values, where);
}

void loading::section(yaml_reader& reader, const std::string& name, const YAML::Node& node) {
  for (const auto& [key, value] : reader.pairs(name, node)) {
    const std::string full = name.empty() ? key : name + "." + key;
    if (full == "layers") {
      out_.layers = read_layers(reader, value);
    } else if (full == "sync.tables") {
      sync_tables(reader, value);
    } else if (const setting* s = find_setting(full)) {
      const entry e{full, s->rule, s->hidden, value};
      if (s->list) {
        if (const auto values = reader.list(e)) store(*s, *values, reader.where(value));
      } else if (const auto text = reader.scalar(e)) {
        store(*s, std::span{&*text, 1}, reader.where(value));
      }
    } else if (is_section(full)) {
      section(reader, full, value);
    } else {
      reader.fault(value, unknown("key", full, setting_names()));
    }
  }
}

void loading::sync_tables(yaml_reader& reader, const YAML::Node& node) {
  std::vector<std::pair<std::string, YAML::Node>> seen;
  read_sync_tables(reader, node, out_.sync.tables, seen);
  for (const auto& [table, at] : seen)
    set_at_["sync.tables." + table] = reader.where(at);
}

void loading::yaml(std::string_view text, const std::string& origin, const environment_map& environment) {
  if (text.size() > max_file_bytes) return fault(origin, "is larger than 4MB, so it is no configuration");
  yaml_reader reader{origin, environment, found_};
  try {
    section(reader, "", read_document(std::string{text}));
  } catch (const YAML::Exception& e) {
    const auto where = e.mark.is_null() ? origin : fmt::format("{}:{}", origin, e.mark.line + 1);
    fault(where, fmt::format("is no YAML: {}", shown(e.msg)));
  }
}

void loading::environment(const environment_map& all) {
  std::map<std::string, const setting*> by_name;
  std::vector<std::string> known{other_variables, std::end(other_variables)};
  for (const setting& s : settings_table()) {
    by_name[environment_name(s.name)] = &s;
    known.push_back(environment_name(s.name));
  }
  const auto uri = environment_name("postgres.uri");
  if (all.contains(uri) && all.contains(std::string{database_url}) &&
      all.at(uri) != all.at(std::string{database_url}))
    fault("environment",
          fmt::format("{} and {} are the same setting and differ; set one", database_url, uri));

  for (const auto& [name, value] : all) {
    if (!name.starts_with(prefix)) continue;
    if (const auto at = by_name.find(name); at != by_name.end()) {
      store_text(*at->second, value, name);
    } else if (name == database_url) {
      store_text(*find_setting("postgres.uri"), value, name);
    } else if (!name.starts_with("GRIDLIGHT_FUZZ_") &&
               std::find(std::begin(other_variables), std::end(other_variables), name) ==
                   std::end(other_variables)) {
      fault("environment", unknown("variable", name, known));
    }
  }
}

void loading::flags(const environment_map& all) {
  for (const auto& [name, value] : all) {
    if (const setting* s = find_setting(name)) {
      store_text(*s, value, "--set " + name);
    } else {
      auto known = setting_names();
      known.resize(known.size() - 2);  // tables and layers are too much for a flag
      fault("--set", unknown("key", name, known));
    }
  }
}

const config& built_in();

// Tables as the built-in configuration has them may be without their layer or source; a copy of it is not
// more.
void loading::mark_given() {
  const auto text = [](const sync_table_config& t) {
    std::string out;
    dump_sync_table(out, t);
    return out;
  };
  for (sync_table_config& t : out_.sync.tables) {
    if (built_in_ || !set_at_.contains("sync.tables." + t.name)) continue;
    const auto& known = built_in().sync.tables;
    t.given = std::none_of(known.begin(), known.end(),
                           [&](const sync_table_config& k) { return text(k) == text(t); });
  }
}

result<config> loading::finish() {
  mark_given();
  if (found_.lines.empty()) {
    for (const contradiction& c : contradictions(out_)) {
      const auto at = set_at_.find(c.name);
      fault(at == set_at_.end() ? "" : at->second, c.what);
    }
  }
  if (!found_.lines.empty()) return failure{errc::input, fmt::format("{}", fmt::join(found_.lines, "\n"))};
  return std::move(out_);
}

const config& built_in() {
  static const config parsed = [] {
    loading l{config{}, true};
    l.yaml(embedded::default_config.front().text, "built-in gridlight.yaml", {});
    auto done = l.finish();
    if (!done) throw std::logic_error{done.error().detail};
    return *std::move(done);
  }();
  return parsed;
}

result<std::string> read_file(const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view why) {
    return failure{errc::input, fmt::format("configuration {} cannot be read: {}", path.string(), why)};
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return refuse("it is a folder");
  std::ifstream in{path, std::ios::binary};
  if (!in) return refuse(std::strerror(errno));
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return refuse("it ends in the middle");
  return std::move(text).str();
}

// The file that is asked for, else the one in this folder; empty: none.
std::filesystem::path chosen_file(const config_sources& sources) {
  if (!sources.file.empty()) return sources.file;
  const auto named = sources.environment.find("GRIDLIGHT_CONFIG");
  if (named != sources.environment.end() && !named->second.empty()) return named->second;
  std::error_code error;
  if (std::filesystem::exists("gridlight.yaml", error)) return "gridlight.yaml";
  return {};
}

}  // namespace

result<config> load_config(const config_sources& sources) {
  loading l{built_in()};
  if (const auto file = chosen_file(sources); !file.empty()) {
    const auto text = read_file(file);
    if (!text) return text.error();
    l.yaml(*text, file.string(), sources.environment);
  }
  l.environment(sources.environment);
  l.flags(sources.flags);
  return l.finish();
}

result<config> parse_config(std::string_view yaml, std::string_view origin,
                            const std::map<std::string, std::string>& environment) {
  loading l{built_in()};
  l.yaml(yaml, std::string{origin}, environment);
  l.environment(environment);
  return l.finish();
}

}  // namespace gridlight
