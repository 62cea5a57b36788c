#include "api/grid_statements.hpp"

#include <array>
#include <string>

#include "api/circuit_summary.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::api {
namespace {

using postgres::connection;

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

result<grid_statements::pointer> grid_statements::get(const std::shared_ptr<const catalog>& c,
                                                      std::string_view sql) {
  if (of_ != c) {
    made_.clear();
    of_ = c;
  }
  auto& slot = made_[sql.data()];
  if (slot) return slot;
  std::string text{sql};
  replace_all(text, "{circuits_by_substation}", std::string{circuits_by_substation_sql});
  for (const std::string_view name : std::array{substations_layer, circuits_layer, outages_layer}) {
    const std::string place = "{" + std::string{name} + "}", version = "{" + std::string{name} + ".version}";
    if (text.find(place) == text.npos && text.find(version) == text.npos) continue;
    const layer* l = c->find(name);
    if (l == nullptr)
      return failure{errc::not_found,
                     "this server has no layer " + std::string{name} + ", which this route reads"};
    replace_all(
        text, place,
        connection::quote_identifier(l->config.schema) + "." + connection::quote_identifier(l->config.table));
    replace_all(text, version,
                l->versioned ? "(SELECT version FROM gridlight.layer_state WHERE layer = " +
                                   connection::quote_literal(name) + ")"
                             : "NULL::bigint");
  }
  slot = std::make_shared<const postgres::statement>(std::move(text));
  return slot;
}

}  // namespace gridlight::api
