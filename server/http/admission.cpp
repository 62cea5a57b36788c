#include "server/http/admission.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>

#include "server/http/forwarded.hpp"
#include "server/http/url.hpp"

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;
using beast::http::verb;

std::string_view to_view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

// The page's own addresses are relative, and so want the slash after the base path.
response moved_into(std::string_view base, std::string_view query) {
  response out;
  out.status = 308;
  out.type = content_type::text;
  out.body = "the base path ends with a slash\n";
  std::string there = std::string{base} + "/";
  if (!query.empty()) there.append("?").append(query);
  out.headers.emplace_back("Location", std::move(there));
  return out;
}

std::optional<response> route_request(exchange& x, std::string_view path, std::string_view query) {
  request& req = x.req;
  if (req.method == verb::options && path == "*") return x.by->writer.options(req, "GET, HEAD, POST");
  router::match match = x.by->routes.find(req.method, path);
  if (match.found != nullptr) {
    x.found = match.found;
    req.path_values = std::move(match.path_values);
    if (req.method == verb::head) req.method = x.found->method;
    return std::nullopt;
  }
  if (match.allow.empty() && path == x.by->settings.base_path) return moved_into(path, query);
  if (match.allow.empty())
    return problem({errc::not_found, "there is nothing at " + shown(req.path)}, req.id);
  if (req.method == verb::options) return x.by->writer.options(req, match.allow);
  response out = problem(
      {errc::method_not_allowed, std::string{x.method} + " is not allowed here; allowed: " + match.allow},
      req.id);
  out.headers.emplace_back("Allow", match.allow + ", OPTIONS");
  return out;
}

std::optional<response> check_body(const exchange& x) {
  if (!x.frame.has_body()) return std::nullopt;
  if (x.found->max_body == 0) return problem({errc::body_too_large, "this route takes no body"}, x.req.id);
  const std::size_t most = body_cap(x);
  const std::uint64_t length = x.frame.content_length.value_or(0);
  if (length <= most) return std::nullopt;
  return problem({errc::body_too_large, "the body has " + std::to_string(length) + " bytes; at most " +
                                            std::to_string(most) + " are allowed"},
                 x.req.id);
}

// The client's address, and whether it may ask already.
std::optional<response> check_rate(exchange& x, session_services& services) {
  if (x.from_proxy) x.client = client_of(x.req.headers, x.req.peer, x.by->proxies);
  if (!services.visits.limits_requests() || (x.found != nullptr && x.found->always)) return std::nullopt;
  const auto wait = services.visits.ask(x.client);
  if (wait.count() == 0) return std::nullopt;
  response out = problem({errc::too_many_requests, "this address asks more often than it may"}, x.req.id);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  for (auto& [name, value] : out.headers)
    if (name == "Retry-After") value = std::to_string(seconds);
  return out;
}

// Before the query is read and any body is taken.
std::optional<response> check_caller(exchange& x) {
  if (x.by->who == nullptr || x.found->needs == identity::access::open) return std::nullopt;
  x.terms.varies_by_caller = true;
  auto verdict = x.by->who->identify(x.req.headers, x.req.peer);
  x.req.who = std::move(verdict.who);
  const bool shown_bad = verdict.refused.has_value();
  if (!shown_bad) verdict.refused = identity::refusal(x.req.who, x.found->needs);
  if (!verdict.refused) return std::nullopt;
  x.token_refused = shown_bad || !x.req.who.anonymous();
  response out = problem(*verdict.refused, x.req.id);
  if (out.status == 401)
    out.headers.emplace_back("WWW-Authenticate", shown_bad
                                                     ? R"(Bearer realm="gridlight", error="invalid_token")"
                                                     : R"(Bearer realm="gridlight")");
  return out;
}

}  // namespace

std::optional<response> admit(exchange& x, std::string_view head_text, session_services& services) {
  request& req = x.req;
  req.until = x.started + x.by->settings.request_timeout;
  x.terms.http_1_1 = x.frame.http_1_1;

  // Beast reads names and values out of the head; of bodies it knows nothing here.
  beast::http::request_parser<beast::http::empty_body> p;
  p.header_limit(static_cast<std::uint32_t>(x.by->settings.max_head_bytes + 1));
  p.body_limit(boost::none);
  error_code ec;
  p.put(asio::buffer(head_text), ec);
  if ((ec && ec != beast::http::error::need_more) || !p.is_header_done()) {
    req.id = services.ids.make();
    x.unread = true;
    return problem({errc::bad_request, "the header section is malformed"}, req.id);
  }
  auto& message = p.get();
  req.method = message.method();
  req.target = to_view(message.target());
  req.headers = std::move(static_cast<beast::http::fields&>(message));
  const auto id = req.headers.find("X-Request-ID");
  req.id = id != req.headers.end() && acceptable_request_id(to_view(id->value()))
               ? std::string{to_view(id->value())}
               : services.ids.make();
  if (req.method == verb::unknown)
    return problem({errc::not_implemented, "the method is not known here"}, req.id);
  x.method = to_view(to_string(req.method));
  x.terms.to_head = req.method == verb::head;
  x.terms.may_be_unchanged = x.terms.to_head || req.method == verb::get;

  target_parts parts = split_target(req.target);
  const std::string& base = x.by->settings.base_path;
  if (!base.empty() && parts.path.starts_with(base) && parts.path.substr(base.size()).starts_with('/'))
    parts.path.remove_prefix(base.size());
  auto path = decode_path(parts.path);
  if (!path) return problem(path.error(), req.id);
  req.path = *std::move(path);
  auto unrouted = route_request(x, parts.path, parts.query);
  if (auto res = check_rate(x, services)) return res;
  if (unrouted) return unrouted;
  if (auto res = check_caller(x)) return res;
  auto query = decode_query(parts.query);
  if (!query) return problem(query.error(), req.id);
  req.query = *std::move(query);
  return check_body(x);
}

}  // namespace gridlight::http
