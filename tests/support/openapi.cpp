#include "tests/support/openapi.hpp"

#include <map>
#include <sstream>
#include <stdexcept>

#include "embedded/openapi.hpp"

namespace gridlight::test {

YAML::Node openapi_description() {
  return YAML::Load(std::string{embedded::openapi[0].text});
}

YAML::Node openapi_resolve(const YAML::Node& root, const YAML::Node& node) {
  if (!node["$ref"]) return node;
  std::istringstream path{node["$ref"].as<std::string>().substr(2)};
  YAML::Node at = YAML::Clone(root);
  for (std::string part; std::getline(path, part, '/');)
    at.reset(at[part]);
  return at;
}

std::string valid_value(const described_parameter& p) {
  static const std::map<std::string, std::string> values{{"layer", "transformers"},
                                                         {"file", "plain.css"},
                                                         {"id", "SUB-001"},
                                                         {"layers", "transformers"},
                                                         {"tileset", "transformers.json"},
                                                         {"z", "8"},
                                                         {"x", "60"},
                                                         {"y", "105"},
                                                         {"v", "1"},
                                                         {"lon", "-95.37"},
                                                         {"lat", "29.76"},
                                                         {"radius_m", "500"},
                                                         {"limit", "5"},
                                                         {"min_lon", "-95.5"},
                                                         {"min_lat", "29.6"},
                                                         {"max_lon", "-95.2"},
                                                         {"max_lat", "29.9"},
                                                         {"count", "true"},
                                                         {"bbox", "-95.5,29.6,-95.2,29.9"},
                                                         {"max_distance_m", "500"},
                                                         {"properties", "health_score"},
                                                         {"f", "geojson"},
                                                         {"q", "SUB-001"},
                                                         {"layers", "outages,topology"}};
  const auto it = values.find(p.name);
  if (it == values.end()) throw std::runtime_error{"no value is known for parameter " + p.name};
  return it->second;
}

const described_parameter* operation::find(const std::string& name) const {
  for (const described_parameter& p : parameters)
    if (p.name == name) return &p;
  return nullptr;
}

std::string operation::target(const std::string& without) const {
  std::string out = path;
  for (const described_parameter& p : parameters)
    if (const auto at = out.find("{" + p.name + "}"); p.in_path && at != out.npos)
      out.replace(at, p.name.size() + 2, valid_value(p));
  // A substation's id is no transformer's.
  if (const auto at = out.find("transformers/features/SUB"); at != out.npos)
    out.replace(at, 12, "substations");
  out += '?';
  for (const described_parameter& p : parameters)
    if (!p.in_path && p.required && p.name != without) out += p.name + "=" + valid_value(p) + "&";
  return out;
}

std::vector<operation> described_operations(const YAML::Node& root, whose_operations whose) {
  std::vector<operation> out;
  for (const auto& path : root["paths"]) {
    for (const auto& method : path.second) {
      if (whose == whose_operations::readers && method.second["x-scope"].IsDefined()) continue;
      operation o;
      o.method = method.first.as<std::string>() == "post" ? "POST" : "GET";
      o.path = path.first.as<std::string>();
      o.node = method.second;
      o.open = method.second["security"].IsDefined() && method.second["security"].size() == 0;
      for (const auto& reference : method.second["parameters"]) {
        const YAML::Node p = openapi_resolve(root, reference);
        o.parameters.push_back({p["name"].as<std::string>(), p["in"].as<std::string>() == "path",
                                p["required"].IsDefined() && p["required"].as<bool>(), p["schema"]});
      }
      out.push_back(std::move(o));
    }
  }
  return out;
}

}  // namespace gridlight::test
