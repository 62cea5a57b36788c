#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>

#include "server/catalog.hpp"
#include "server/error.hpp"
#include "server/postgres/statement.hpp"

namespace gridlight::api {

/// The layers that routes about the grid itself read, by their names in the catalog.
inline constexpr std::string_view substations_layer = "substations", circuits_layer = "circuits",
                                  outages_layer = "outages";

/// SQL of the grid's own routes, made into statements for the tables that the catalog names. In the text
/// {substations}, {circuits} and {outages} stand for the tables, {substations.version} and so on for their
/// versions, {circuits_by_substation} for the relation of circuit_summary.hpp. One object a thread.
class grid_statements {
 public:
  using pointer = std::shared_ptr<const postgres::statement>;

  /// \param sql  a constant: it is known by its address
  /// Fails with not_found, naming the layer, when a layer of the text is not in the catalog.
  result<pointer> get(const std::shared_ptr<const catalog>& c, std::string_view sql);

 private:
  std::shared_ptr<const catalog> of_;
  std::unordered_map<const char*, pointer> made_;
};

}  // namespace gridlight::api
