#pragma once

#include <string>
#include <string_view>

namespace gridlight::api {

/// JSON of a YAML document: plain scalars that read as null, booleans or numbers are those, quoted ones are
/// strings. \throws YAML::Exception
std::string yaml_to_json(std::string_view yaml);

}  // namespace gridlight::api
