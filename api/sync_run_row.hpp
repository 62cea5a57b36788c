#pragma once

#include <string>
#include <string_view>

#include "server/error.hpp"
#include "server/postgres/result.hpp"

namespace gridlight::api {

/// The columns of a run, of gridlight.sync_run or the view sync_status by the name of `table` in the query,
/// in the order in which append_run() reads them.
std::string run_columns(std::string_view table);

/// The rows of a table that is gridlight's own: databases that are only attached do not have it, and so none.
inline result<postgres::result_set> or_none(result<postgres::result_set> rows) {
  if (!rows && rows.error().code == errc::schema_mismatch) return postgres::result_set{};
  return rows;
}

/// Appends one run as a JSON object. \param first  where its columns begin \param whole  the caller may see
/// personal data, see public_error()
void append_run(std::string& out, const postgres::result_set& rows, int row, int first, bool whole);

/// Why a run failed, as far as a client may know it: never where a database is. Without `whole` up to the
/// bracket or line end behind which stands what is for the log (the source's codes, Postgres's words),
/// without what is in quotes (values of rows, as a rule) and without folders.
std::string public_error(std::string_view text, bool whole);

}  // namespace gridlight::api
