// Parts of the manual pages in mdoc: what the program knows of its commands and settings.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "describe.hpp"
#include "server/config_keys.hpp"
#include "server/config_layers.hpp"
#include "server/config_sync.hpp"

namespace gridlight {
namespace {

// A line of text: nothing in it may be taken for a macro, an escape or a hyphen.
std::string text(std::string_view words) {
  std::string out;
  for (const char c : words) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else
      out += c;
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

// The same as an argument of a macro, one word.
std::string argument(std::string_view words) {
  std::string out;
  for (const char c : text(words)) {
    if (c == '"') out += '"';
    out += c;
  }
  return '"' + out + '"';
}

std::string sentence(std::string_view words) {
  std::string out = text(words);
  if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  if (!out.ends_with('.')) out += '.';
  // mdoc wants a line a sentence.
  for (std::size_t at = out.find(". "); at != out.npos; at = out.find(". ", at))
    out.replace(at, 2, ".\n");
  return out + '\n';
}

bool shown(const CLI::Option& option) {
  return !option.get_group().empty() && !option.check_lname("help") && !option.check_lname("version");
}

// "TEXT", "INT:INT in [1 - 64]", "ENUM:value in {…}" → the word for what stands there.
std::string value_word(const CLI::Option& option) {
  std::string type = option.get_type_name();
  type = type.substr(0, type.find(':'));
  if (type == "INT" || type == "UINT" || type == "FLOAT") return "number";
  const std::string name = option.get_lnames().empty() ? "" : option.get_lnames().front();
  if (name == "config") return "file";
  if (name == "set") return "key=value";
  return name.empty() ? "value" : name;
}

std::string synopsis(const std::string& path, const CLI::App& app) {
  std::string out = ".Nm gridlight\n";
  out += ".Cm" + path + "\n";
  for (const CLI::Option* option : app.get_options()) {
    if (!shown(*option)) continue;
    const bool many = option->get_items_expected_max() > 1;
    if (option->get_positional()) {
      out += fmt::format(".{}Ar {}{}\n", option->get_required() ? "" : "Op ", option->get_name(true),
                         many ? " ..." : "");
    } else {
      const std::string value =
          option->get_items_expected_max() == 0 ? "" : " Ar " + text(value_word(*option));
      out += fmt::format(".{}Fl {}{}\n", option->get_required() ? "" : "Op ",
                         argument("-" + option->get_lnames().front()), value);
    }
  }
  return out;
}

void append_option(std::string& out, const CLI::Option& option) {
  if (option.get_positional()) {
    out += fmt::format(".It Ar {}\n", option.get_name(true));
  } else {
    const std::string value = option.get_items_expected_max() == 0 ? "" : " Ar " + text(value_word(option));
    out += fmt::format(".It Fl {}{}\n", argument("-" + option.get_lnames().front()), value);
  }
  out += sentence(option.get_description());
  if (!option.get_envname().empty())
    out += fmt::format("Also the environment's\n.Ev {} .\n", option.get_envname());
}

void append_options(std::string& out, const CLI::App& app) {
  const auto options = app.get_options([](const CLI::Option* o) { return shown(*o); });
  if (options.empty()) return;
  out += ".Bl -tag -width Ds\n";
  for (const CLI::Option* option : options)
    append_option(out, *option);
  out += ".El\n";
}

void append_commands(std::string& out, const std::string& path, const CLI::App& app) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_group().empty(); })) {
    const std::string inner = path + " " + sub->get_name();
    if (sub->get_require_subcommand_min() == 0) {
      out += fmt::format(".Ss gridlight{}\n", text(inner));
      std::string line = synopsis(inner, *sub);
      out += ".Bd -ragged -compact\n" + line + ".Ed\n.Pp\n" + sentence(sub->get_description());
      append_options(out, *sub);
    }
    append_commands(out, inner, *sub);
  }
}

void append_keys(std::string& out, std::span<const config_detail::layer_key_help> keys) {
  out += ".Bl -tag -width Ds\n";
  for (const auto& key : keys)
    out += fmt::format(".It Va {}\n{}Default: {}It must be {}.\n", text(key.name), sentence(key.help),
                       sentence(key.fallback), text(key.rule));
  out += ".El\n";
}

}  // namespace

std::string describe_commands(const CLI::App& app) {
  std::string out = ".Ss Options of every command\n";
  append_options(out, app);
  append_commands(out, "", app);
  return out;
}

std::string describe_settings() {
  const config defaults;
  std::string out = ".Sh SETTINGS\n.Bl -tag -width Ds\n";
  for (const auto& setting : config_detail::settings_table()) {
    const auto values = setting.read(defaults);
    const std::string value = setting.list             ? fmt::format("[{}]", fmt::join(values, ", "))
                              : values.front().empty() ? "empty"
                                                       : values.front();
    out += fmt::format(".It Va {}\n{}Default: {}.\nIt must be {}.\n{}.br\n.Ev {}\n", text(setting.name),
                       sentence(setting.help), text(value), text(setting.rule),
                       setting.restart ? "Needs a restart.\n" : "",
                       config_detail::environment_name(setting.name));
  }
  out += ".El\n.Sh LAYERS\n";
  out += sentence(
      "The map from names to keys under layers. A file without it serves the built-in layers, a file with it "
      "exactly those it lists. A name is a letter a to z, then letters, digits and _, at most 60.");
  append_keys(out, config_detail::layer_keys());
  out += ".Sh TABLES KEPT FRESH\n";
  out += sentence("The map from names to keys under sync.tables, which changes the built-in one key by key.");
  append_keys(out, config_detail::sync_table_keys());
  return out;
}

}  // namespace gridlight
