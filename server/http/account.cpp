#include "server/http/account.hpp"

#include <string>

#include "server/log.hpp"

namespace gridlight::http {
namespace {

std::string_view user_agent_of(const request& req) {
  const auto it = req.headers.find(boost::beast::http::field::user_agent);
  if (it == req.headers.end()) return {};
  return {it->value().data(), it->value().size()};
}

// The names of a query's parameters, each value as *.
std::string without_values(std::string_view target) {
  std::string out;
  bool in_query = false, in_value = false;
  for (const char c : target) {
    in_value = in_value && c != '&';
    if (in_value) continue;
    out += c;
    in_query = in_query || c == '?';
    if (in_query && c == '=') {
      in_value = true;
      out += '*';
    }
  }
  return out;
}

}  // namespace

void account(const exchange& x, const answered& a, request_metrics& counted) {
  const double ms = std::chrono::duration<double, std::milli>(a.at - x.started).count();
  counted.count(x.found, a.status, std::chrono::duration<double, std::milli>(a.begun - x.started).count());
  std::string client;
  if (x.client != a.peer) client = x.client.to_string();
  const std::string_view who = client.empty() ? a.peer_text : client;
  const identity::scope used = x.req.audit.saw_personal ? identity::scope::personal : identity::scope::write;
  const bool wrote = x.handled && x.found->needs == identity::access::write;
  if (x.req.audit.saw_personal || wrote || x.token_refused)
    log::audit({.request_id = x.req.id,
                .peer = who,
                .token = x.req.who.token,
                .user = x.req.who.user,
                .scope = x.token_refused ? std::string_view{} : name(used),
                .method = x.method,
                .route = x.found->pattern,
                .layer = x.req.audit.layer,
                .status = a.status,
                .count = x.req.audit.count});
  // A query that no handler has seen may be about anything.
  std::string_view target = x.req.target;
  std::string bare;
  if (x.found != nullptr && (x.req.audit.hide_values || !x.handled)) target = bare = without_values(target);
  log::access({.request_id = x.req.id,
               .peer = who,
               .method = x.method,
               .target = target,
               .status = a.status,
               .bytes = a.bytes,
               .total_ms = ms,
               .queue_ms = x.req.timing.postgres.queue_ms,
               .db_ms = x.req.timing.postgres.db_ms,
               .user_agent = user_agent_of(x.req)});
}

}  // namespace gridlight::http
