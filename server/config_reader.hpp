#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::config_detail {

using environment_map = std::map<std::string, std::string>;

/// Everything found wrong, a line each.
struct faults {
  std::vector<std::string> lines;
  void add(std::string_view where, std::string_view what);
};

/// `text` with ${NAME} and ${NAME:-text} replaced from `environment`; $${ stands for ${. On a fault, nothing,
/// and `why` says it.
std::optional<std::string> substitute(std::string_view text, const environment_map& environment,
                                      std::string& why);

/// The one document of `text`; null when there is none. Throws YAML::Exception, also for what follows a
/// document.
YAML::Node read_document(const std::string& text);

/// A key with what stands there, and its rule for messages.
struct entry {
  std::string name;       ///< "http.port", "layers.poles.key"
  std::string_view rule;  ///< completes "it must be "
  bool hidden = false;
  YAML::Node node;
};

/// Reads nodes of one document; what does not fit becomes a fault with file and line.
class yaml_reader {
 public:
  yaml_reader(std::string origin, const environment_map& environment, faults& found)
      : origin_(std::move(origin)), environment_(environment), found_(found) {}

  /// A value with variables replaced and blanks trimmed; null is empty text. Nothing after a fault.
  std::optional<std::string> scalar(const entry& e);
  /// A sequence of scalars, or one scalar split at commas; null is empty.
  std::optional<std::vector<std::string>> list(const entry& e);

  /// The pairs of a map whose keys are texts; each key once. Null is empty. Nothing after a fault.
  std::vector<std::pair<std::string, YAML::Node>> pairs(std::string_view name, const YAML::Node& map);

  void refuse(const entry& e, std::string_view value);  ///< "NAME is VALUE; it must be RULE"
  void fault(const YAML::Node& at, std::string_view what);
  std::string where(const YAML::Node& at) const;  ///< "gridlight.yaml:12"

 private:
  std::string origin_;
  const environment_map& environment_;
  faults& found_;
};

/// "NAME is VALUE; it must be RULE", with *** for a hidden value.
std::string refusal(std::string_view name, std::string_view value, std::string_view rule, bool hidden);

/// "unknown key http.prot; did you mean http.port?", or the keys that exist when none is near.
std::string unknown(std::string_view what, std::string_view name, const std::vector<std::string>& known);

}  // namespace gridlight::config_detail
