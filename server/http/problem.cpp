#include "server/http/response.hpp"
#include "server/log_text.hpp"

namespace gridlight::http {
namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":\"");
  log::append_escaped(out, text, log::escaping::json);
  out += '"';
}

}  // namespace

response problem(const failure& f, std::string_view request_id) {
  const error_entry& entry = describe(f.code);
  response out;
  out.status = entry.status;
  out.type = content_type::problem;
  out.cache_control = "no-store";
  out.body.append("{\"type\":\"/problems/").append(entry.slug).append("\"");
  member(out.body, "title", entry.title);
  out.body += ",\"status\":" + std::to_string(entry.status);
  if (!f.parameter.empty()) member(out.body, "parameter", f.parameter);
  if (!f.detail.empty()) member(out.body, "detail", f.detail);
  member(out.body, "request_id", request_id);
  out.body += '}';
  if (entry.retry_after_s > 0) out.headers.emplace_back("Retry-After", std::to_string(entry.retry_after_s));
  return out;
}

}  // namespace gridlight::http
