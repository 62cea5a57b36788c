#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.hpp"

namespace gridlight::config_detail {

/// A setting: the one place that its name, rule and meaning stand. YAML, environment, flags, `--set`, the
/// reference and dump() are all made from these rows.
struct setting {
  std::string name;  ///< "http.port"
  std::string rule;  ///< completes "it must be "
  std::string help;
  bool list = false;    ///< takes a YAML list, or commas
  bool hidden = false;  ///< never shown in a message
  /// Stores a value; false: it breaks the rule. A setting that is no list gets exactly one text.
  std::function<bool(config&, std::span<const std::string>)> store;
  std::function<std::vector<std::string>(const config&)> read;  ///< the texts that store takes
  std::function<bool(const config&, const config&)> same = {};
  std::function<void(const config& from, config& to)> copy = {};
  bool restart = false;  ///< taken at the start alone, not when the configuration is read anew
};

/// In the order of the reference.
std::span<const setting> settings_table();
const setting* find_setting(std::string_view name);
std::string environment_name(std::string_view setting_name);  ///< http.port → GRIDLIGHT_HTTP_PORT
bool is_section(std::string_view name);                       ///< "http"

/// Faults between settings: the later name, and what is wrong.
struct contradiction {
  std::string name, what;
};
std::vector<contradiction> contradictions(const config& c);

}  // namespace gridlight::config_detail
