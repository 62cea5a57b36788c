#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/config.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// Something wrong or worth knowing.
struct finding {
  std::string layer;  ///< empty: not about one layer
  std::string what;
  std::string remedy;  ///< what to do; SQL as it can be pasted, ending in ';'
};

/// What check found out about a layer. Empty text or no value: nothing to say, or not found out (a finding
/// says why).
struct layer_check {
  std::string name, mode, table;
  std::optional<std::int64_t> rows;
  bool rows_estimated = false;
  std::optional<std::int64_t> version;
  std::string indexes;  ///< "ok", "missing", "none needed", "unknown"
};

/// All that `gridlight check` prints.
struct check_report {
  std::vector<std::pair<std::string, std::string>> database;  ///< server, versions, role, in order
  std::vector<std::pair<std::string, std::string>> settings;  ///< as in force in a session of `serve`
  std::string schema;                                         ///< state of the migrations
  std::vector<layer_check> layers;
  std::vector<finding> problems, notes;

  bool ok() const noexcept { return problems.empty(); }
};

/// Looks at the database through `db`, whose session is as `serve` opens it. Reads only. Fails when the
/// connection is lost; what a role may not see is a finding, not a failure.
boost::asio::awaitable<result<check_report>> check_database(postgres::connection& db, const config& settings);

std::string as_text(const check_report& report);
std::string as_json(const check_report& report);  ///< one object, pretty-printed

/// Where a connection would go, without password: "host=db port=5432 dbname=grid user=app".
std::string connection_target(const secret& uri);

struct check_options {
  bool json = false;
};

/// The subcommand: the report to stdout. Returns its exit code, 1 when there is a problem.
int run_check(const config& settings, const check_options& options);

}  // namespace gridlight::sync
