#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/catalog.hpp"
#include "server/config_reader.hpp"

namespace gridlight::config_detail {

/// A key of a layer, for the reference.
struct layer_key_help {
  std::string_view name, rule, fallback, help;
};
std::span<const layer_key_help> layer_keys();

/// The map under `layers:`; faults go to the reader.
std::vector<layer_config> read_layers(yaml_reader& yaml, const YAML::Node& node);

}  // namespace gridlight::config_detail
