#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace gridlight::test {

/// api/openapi.yaml, as the server holds it.
YAML::Node openapi_description();
/// What a node's $ref names, or the node.
YAML::Node openapi_resolve(const YAML::Node& root, const YAML::Node& node);

struct described_parameter {
  std::string name;
  bool in_path = false, required = false;
  YAML::Node schema;
};

/// A path and method of the description.
struct operation {
  std::string method;  ///< GET
  std::string path;    ///< with its {names}
  std::vector<described_parameter> parameters;
  YAML::Node node;
  bool open = false;  ///< needs no token whatever the configuration

  const described_parameter* find(const std::string& name) const;
  /// The path filled in, with values for the required parameters of the query but `without`; ends in '?' or
  /// '&'.
  std::string target(const std::string& without = {}) const;
};

/// Those of readers, or all.
enum class whose_operations { readers, all };
std::vector<operation> described_operations(const YAML::Node& root,
                                            whose_operations whose = whose_operations::readers);

/// A value of the demo grid that fits a parameter.
std::string valid_value(const described_parameter& p);

/// What the one route with a body takes.
inline constexpr const char* valid_polygon =
    R"({"type":"Polygon","coordinates":[[[-95.5,29.6],[-95.2,29.6],[-95.2,29.9],[-95.5,29.9],[-95.5,29.6]]]})";

}  // namespace gridlight::test
