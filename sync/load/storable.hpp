#pragma once

#include <string>

namespace gridlight::sync {

/// Text that Postgres can store, whatever a source held.
std::string storable(std::string text);

}  // namespace gridlight::sync
