#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.hpp"
#include "server/deadline.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight {

/// A column of a table or view.
struct column {
  std::string name;
  Oid type = 0;           ///< base type of a domain
  std::string type_name;  ///< "geometry", "float8"
  std::string declared;   ///< "geometry(Point,4326)"
  bool readable = false;
  bool by_bytes = false;  ///< collated "C"
};

/// What a layer is declared to lie in, as the database has it.
struct relation {
  bool found = false, schema_usable = false;
  double tuples = 0;      ///< planner's estimate; below 0: never analysed
  std::string qualified;  ///< as gridlight.watched has it
  std::vector<column> columns;

  const column* find(std::string_view wanted) const {
    const auto at =
        std::find_if(columns.begin(), columns.end(), [&](const column& c) { return c.name == wanted; });
    return at == columns.end() ? nullptr : &*at;
  }
};

/// The relations of the declared layers, in their order, read in one query.
boost::asio::awaitable<result<std::vector<relation>>> read_relations(postgres::connection& db,
                                                                     std::span<const layer_config> declared,
                                                                     deadline until);

}  // namespace gridlight
