#pragma once

#include <string>
#include <string_view>

#include "server/postgres/result.hpp"

namespace gridlight::api {

/// The statement of GET /api/postgres/substations/status, a text for grid_statements.
std::string_view substation_status_sql() noexcept;

/// Appends a row of that statement as JSON; false, with nothing done, when it stands for no substation.
/// \param id  when given, replaced by the JSON of the substation's id
bool append_substation_status(std::string& out, const postgres::result_set& rows, int row,
                              std::string* id = nullptr);

}  // namespace gridlight::api
