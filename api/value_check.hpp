#pragma once

#include <libpq-fe.h>

#include <string_view>

namespace gridlight::api {

/// True when `text`, as a client sent it, can be cast to `type` without an error, so that a key that cannot
/// exist is simply not found.
bool is_value_of(Oid type, std::string_view text) noexcept;

}  // namespace gridlight::api
