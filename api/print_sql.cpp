#include "api/print_sql.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "api/common.hpp"
#include "api/grid_statements.hpp"
#include "api/layer_sql.hpp"
#include "api/substation_status.hpp"
#include "server/postgres/blocking.hpp"

namespace gridlight::api {
namespace asio = boost::asio;
namespace {

using named_sql = std::pair<std::string_view, std::string>;

// The candidates of a first `nearest` and the rows of a first page differ with the limit; these are of limit
// 10 and 100.
std::vector<named_sql> statements_of(const layer& l) {
  const layer_sql sql{l};
  std::vector<named_sql> out;
  if (l.has_place()) {
    out.emplace_back("within", sql.within());
    out.emplace_back("nearest", sql.nearest(16, false));
    out.emplace_back("features", sql.in_region({.where = region::box, .path = access_path::by_space}));
    out.emplace_back("intersects", sql.in_region({.where = region::geometry, .path = access_path::by_space}));
  }
  out.emplace_back("feature", sql.by_key());
  return out;
}

asio::awaitable<result<catalog>> catalog_of(asio::any_io_executor executor, const config& settings) {
  const deadline until = deadline_in(settings.postgres.connect_timeout + settings.postgres.statement_timeout);
  postgres::connect_options options;  // a variable: g++ 12 destroys such temporaries of a co_await twice
  options.uri = settings.postgres.uri;
  auto db = co_await postgres::connection::open(executor, options, until);
  if (!db) co_return db.error();
  co_return co_await read_catalog(*db, settings.layers, until);
}

result<std::vector<named_sql>> find(const std::shared_ptr<const catalog>& layers,
                                    const print_sql_options& options) {
  const layer* l = layers->find(options.layer);
  if (l == nullptr)
    return failure{errc::input, fmt::format("{} is not a layer of the catalog", options.layer)};
  auto all = statements_of(*l);
  if (options.layer == substations_layer) {
    grid_statements grid;
    const auto status = grid.get(layers, substation_status_sql());
    if (!status) return status.error();
    all.emplace_back("status", (*status)->sql());
  }
  if (options.lookup.empty()) return all;
  for (const named_sql& one : all)
    if (one.first == options.lookup) return std::vector{one};
  return failure{errc::input, fmt::format("layer {} has no lookup {}", options.layer, options.lookup)};
}

}  // namespace

int run_print_sql(const config& settings, const print_sql_options& options) {
  auto layers =
      postgres::run_blocking([&](asio::any_io_executor executor) { return catalog_of(executor, settings); });
  const auto found = layers ? find(std::make_shared<const catalog>(std::move(*layers)), options)
                            : result<std::vector<named_sql>>{layers.error()};
  if (!found) {
    fmt::print(stderr, "gridlight sql: {} {}\n", found.error().detail, found.error().log_detail);
    return 1;
  }
  for (const auto& [name, sql] : *found)
    fmt::print("-- {} {}\n{};\n", options.layer, name, sql);
  return 0;
}

}  // namespace gridlight::api
