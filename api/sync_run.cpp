#include <algorithm>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/value_writer.hpp"
#include "server/config_sync.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

// Whichever instance keeps the tables looks for these four times a second. $5: this one would. The owner of
// another's lease is HOST:PID, that of a command, which does nothing for others, has a space.
const postgres::statement& statement() {
  static const postgres::statement s{
      "INSERT INTO gridlight.sync_request (name, full_run, allow_shrink, requested_by) SELECT $1, $2, $3, $4 "
      "WHERE $5 OR EXISTS (SELECT FROM gridlight.sync_lease WHERE expires_at > clock_timestamp() AND "
      "position(' ' IN owner) = 0) RETURNING request_id",
      {oid::text, oid::boolean, oid::boolean, oid::text, oid::boolean},
      {oid::int8}};
  return s;
}

bool read_flag(http::parameters& q, std::string_view name) {
  const auto text = q.text(name);
  if (text && *text != "true" && *text != "false") q.fail(name, std::string{name} + " must be true or false");
  return text == "true";
}

// The name under sync.tables of what keeps a layer, or of a table that is none; else why there is none.
result<std::string> table_of(const config& c, std::string_view asked) {
  std::string known;
  for (const sync_table_config& t : c.sync.tables) {
    if (!config_detail::in_force(c, t)) continue;
    if (t.name == asked || t.layer == asked) return t.name;
    known.append(known.empty() ? "" : ", ").append(t.name);
  }
  return failure{errc::not_found, "no table is kept under the name " + http::shown(asked) +
                                      (known.empty() ? "; none is" : "; there are " + known)};
}

}  // namespace

// POST /api/postgres/sync/{layer}/run[?full&allow_shrink], for scope write
answer_t sync_run(services& s, http::request& req) {
  http::parameters q{req};
  const bool full = read_flag(q, "full"), shrink = read_flag(q, "allow_shrink");
  if (auto bad = q.fault()) co_return *bad;
  const auto table = table_of(s.settings, req.path_values.at(0));
  if (!table) co_return table.error();
  req.audit.layer = *table;
  postgres::arguments values;
  values.add_text(*table).add(full).add(shrink);
  values.add_text(req.who.token.empty() ? req.who.user : req.who.token);
  values.add(s.settings.sync.enabled);
  const auto row = co_await s.pool.query(postgres::lane::admin, statement(), values, req.until,
                                         req.timing.postgres, postgres::share::no, req.rank());
  if (!row) co_return row.error();
  if (row->rows() == 0)
    co_return failure{errc::conflict,
                      "nobody would do it: sync.enabled is false here, and no other server keeps "
                      "the tables now"};
  http::response out;
  out.status = 202;
  out.cache_control = "no-store";
  out.body = R"({"status":"accepted","table":)";
  append_json_string(out.body, *table);
  out.body += R"(,"request_id":)" + std::to_string(row->integer(0, 0)) + "}";
  co_return out;
}

}  // namespace gridlight::api
