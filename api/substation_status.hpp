#pragma once

#include <string_view>

namespace gridlight::api {

/// The statement of GET /api/postgres/substations/status, a text for grid_statements.
std::string_view substation_status_sql() noexcept;

}  // namespace gridlight::api
