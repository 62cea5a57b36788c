// The completion of bash, made from the very options that main declares.
#include "describe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string_view>
#include <vector>

#include "server/config_keys.hpp"

namespace gridlight {
namespace {

// What a word after an option, or without one, may be: a shell function of the script below, and its
// argument. An option that is missing here takes a word of the user's own.
const std::map<std::string_view, std::string_view> option_values{
    {"--config", "files"},
    {"--set", "settings"},
    {"--layer", "layers"},
    {"--layers", "layers"},
    {"--duplicates", "words reject last"},
    {"--scopes", "words read write personal"},
    {"--source", "nothing"},
};
const std::map<std::string_view, std::string_view> positional_values{
    {"files", "files"},
    {"layer", "layers"},
    {"layers", "layers"},
    {"table", "layers"},
    {"lookup", "words within nearest features feature intersects status"},
};

constexpr std::string_view script_head =
    R"(# bash completion for gridlight; made by `gridlight describe completion`.

# Layers are those of the configuration that the line names.
__gridlight_ask() {
  local i flags=()
  for ((i = 1; i < COMP_CWORD - 1; i++)); do
    [[ ${COMP_WORDS[i]} != --config ]] || flags=(--config "${COMP_WORDS[i + 1]}")
  done
  "${COMP_WORDS[0]}" "${flags[@]}" describe "$1" 2>/dev/null
}
__gridlight_words() { COMPREPLY+=($(compgen -W "$*" -- "$cur")); }
__gridlight_layers() { __gridlight_words $(__gridlight_ask layers); }
__gridlight_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen -f -- "$cur"))
}
__gridlight_nothing() { :; }
)";

constexpr std::string_view script_tail = R"(
_gridlight() {
  local cur=${COMP_WORDS[COMP_CWORD]} path='' word i
  local IFS=$' \t\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == -* ]]; then
      # An option's value is no command.
      [[ -z $(__gridlight_value "$word") ]] || ((++i))
    elif __gridlight_is_command "$path $word"; then
      path="$path $word"
    fi
  done
  if ((i > COMP_CWORD)); then
    $(__gridlight_value "${COMP_WORDS[COMP_CWORD - 1]}")
  else
    __gridlight_command "$path"
  fi
}
complete -F _gridlight gridlight
)";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

// Of an option --name: "--name"; empty for a positional.
std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : "--" + option.get_lnames().front();
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::Option* option : app.get_options())
    if (const std::string name = long_name(*option); !name.empty()) out.push_back(name);
  return out;
}

void collect_values(const CLI::App& app, std::map<std::string, std::string>& out) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = long_name(*option);
    if (name.empty() || option->get_items_expected_max() == 0) continue;
    const auto known = option_values.find(name);
    out[name] = known == option_values.end() ? "nothing" : std::string{known->second};
  }
  for (const CLI::App* sub : commands_of(app))
    collect_values(*sub, out);
}

void append_commands(const CLI::App& app, const std::string& path, const std::vector<std::string>& shared,
                     std::string& cases, std::vector<std::string>& paths) {
  std::vector<std::string> words = option_names(app);
  for (const CLI::App* sub : commands_of(app))
    words.push_back(sub->get_name());
  if (!path.empty()) words.insert(words.end(), shared.begin(), shared.end());
  cases += fmt::format("    '{}')\n      __gridlight_words {}\n", path, fmt::join(words, " "));
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const auto known = positional_values.find(option->get_name(true));
    if (known != positional_values.end()) cases += fmt::format("      __gridlight_{}\n", known->second);
  }
  cases += "      ;;\n";
  for (const CLI::App* sub : commands_of(app)) {
    const std::string inner = path + " " + sub->get_name();
    paths.push_back(inner);
    append_commands(*sub, inner, shared, cases, paths);
  }
}

}  // namespace

std::string describe_completion(const CLI::App& app) {
  std::vector<std::string> settings, shared, paths;
  for (const auto& setting : config_detail::settings_table())
    settings.push_back(setting.name + "=");
  for (const std::string& name : option_names(app))
    if (name != "--version" && name != "--help") shared.push_back(name);
  std::map<std::string, std::string> values;
  collect_values(app, values);
  std::string cases;
  append_commands(app, "", shared, cases, paths);

  std::string out{script_head};
  out +=
      fmt::format("__gridlight_settings() {{\n  compopt -o nospace 2>/dev/null\n  __gridlight_words {}\n}}\n",
                  fmt::join(settings, " "));
  out +=
      "# What completes the value of an option; nothing printed: it takes none.\n"
      "__gridlight_value() {\n  case $1 in\n";
  for (const auto& [name, value] : values)
    out += fmt::format("    {}) echo __gridlight_{} ;;\n", name, value);
  out += "  esac\n}\n__gridlight_is_command() {\n  case $1 in\n";
  for (const std::string& path : paths)
    out += fmt::format("    '{}') return 0 ;;\n", path);
  out += "  esac\n  return 1\n}\n__gridlight_command() {\n  case $1 in\n" + cases + "  esac\n}\n";
  out += script_tail;
  return out;
}

std::string describe_layers(const config& settings) {
  std::string out;
  for (const layer_config& layer : settings.layers)
    out += layer.name + "\n";
  return out;
}

}  // namespace gridlight
