#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sync/load/target.hpp"
#include "sync/plan.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// What is selected from a source for a table's columns.
struct reading {
  struct column {
    std::string target;      ///< the table's column
    std::string expression;  ///< SQL of the source
    bool own = false;        ///< the expression is the configuration's
  };
  std::vector<column> columns;
  std::string relation;              ///< as it stands behind FROM
  std::string where;                 ///< empty: all rows
  std::vector<source_column> added;  ///< new ones that come into the table first
  bool covers_table = true;          ///< no column of the table keeps what it has

  /// SELECT of the columns, and of `more` behind them. \param of  instead of the relation, when not empty
  std::string sql(std::string_view more = {}, std::string_view condition = {}, std::string_view order = {},
                  std::string_view of = {}) const;
};

/// What stands behind FROM for a plan.
std::string relation_of(const table_plan& plan);

/// Compares what the source has with what the plan and the table want. Fails with schema_mismatch, naming
/// every column that is missing (or new, where the plan refuses those).
result<reading> make_reading(const table_plan& plan, const source& from,
                             const std::vector<source_column>& has, const std::vector<target_column>& wants);

/// Whether the table can take what a query gives for its columns, which are the query's first. Fails with
/// schema_mismatch, naming every column of a kind that does not fit, and times without a zone where the plan
/// says none.
result<void> check_kinds(const table_plan& plan, const reading& r, const std::vector<source_column>& got,
                         const std::vector<target_column>& wants);

}  // namespace gridlight::sync
