#include "tests/support/snowflake/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "server/http/compress.hpp"
#include "tests/support/snowflake/cells.hpp"
#include "tests/support/snowflake/sql_failure.hpp"

namespace gridlight::test::snowflake {
namespace {

constexpr std::string_view prefix = "/api/v2/statements", under = "/api/v2/statements/";
constexpr std::size_t largest_partition = 1u << 30, most_seen = 10'000;

std::string url_of(const statement& s) {
  return fmt::format("{}{}", under, s.handle());
}

http_answer failed(const sql_failure& f, const statement* s) {
  std::string body = fmt::format(R"({{"code":{},"message":{},"sqlState":{})", json(f.code), json(f.what()),
                                 json(f.sql_state));
  if (s != nullptr)
    body += fmt::format(R"(,"statementHandle":{},"statementStatusUrl":{},"createdOn":{})", json(s->handle()),
                        json(url_of(*s)), s->created_ms());
  return json_answer(f.status, body + "}");
}

http_answer still_running(const statement& s) {
  return json_answer(
      202, fmt::format(
               R"({{"code":"333334","message":"Asynchronous execution in progress. Use provided query id to )"
               R"(perform query monitoring and management.","statementHandle":{},"statementStatusUrl":{}}})",
               json(s.handle()), json(url_of(s))));
}

std::string children_of(const statement::outcome& o) {
  std::string out;
  for (const std::string& handle : o.children)
    out += (out.empty() ? "" : ",") + json(handle);
  return o.children.empty() ? "" : ",\"statementHandles\":[" + out + "]";
}

std::string stats_of(const statement::outcome& o) {
  if (!o.counts) return "";
  return fmt::format(
      R"(,"stats":{{"numRowsInserted":{},"numRowsUpdated":{},"numRowsDeleted":{},"numDuplicateRowsUpdated":0}})",
      o.counts->inserted, o.counts->updated, o.counts->deleted);
}

bool is(const std::optional<fault>& f, fault::kind what) {
  return f && f->what == what;
}

http_answer faulty(const fault& f) {
  http_answer out;
  if (f.what == fault::kind::html) {
    out = {f.status, {{"Content-Type", "text/html"}}, "<html><body><h1>Bad gateway</h1></body></html>", {}};
  } else if (f.what == fault::kind::empty) {
    out.status = f.status;
  } else {
    out = failed({f.status, f.code, f.status == 408 ? "57014" : "XX000", f.message}, nullptr);
  }
  if (f.retry_after_s) out.headers.emplace_back("Retry-After", std::to_string(*f.retry_after_s));
  return out;
}

bool is_answer(const fault& f) {
  return f.what == fault::kind::status || f.what == fault::kind::html || f.what == fault::kind::empty;
}

// {"data":[…]} or […], by its rows.
std::string spoiled(const std::string& body, fault::kind what) {
  const auto start = body.starts_with('{') ? body.find('[') : 0;
  const auto end = body.rfind(']') + 1;
  return body.substr(0, start) + spoil_rows(body.substr(start, end - start), what) + body.substr(end);
}

}  // namespace

http_answer json_answer(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body), {}};
}

std::vector<http_question> api::seen() const {
  const std::lock_guard lock{mutex_};
  return {seen_.begin(), seen_.end()};
}

void api::forget_seen() {
  const std::lock_guard lock{mutex_};
  seen_.clear();
}

void api::note(const http_question& q) {
  const std::lock_guard lock{mutex_};
  seen_.push_back(q);
  if (seen_.size() > most_seen) seen_.pop_front();
}

http_answer api::answer(const http_question& q) {
  try {
    if (q.path.starts_with("/emulator/")) return control(q, account_, faults_);
    note(q);
    const target t = find_route(q);
    const auto f = faults_.next(t.which, t.partition);
    if (f && is_answer(*f) && !f->after) return faulty(*f);
    http_answer out = act(q, t, f);
    if (!f) return out;
    if (is_answer(*f)) return faulty(*f);
    if (f->what == fault::kind::stall) {
      out.pause_at = f->bytes;
      out.pause = [this, time = f->pause] { faults_.wait(time); };
    }
    if (f->what == fault::kind::cut) out.cut = f->bytes;
    return out;
  } catch (const sql_failure& f) {
    return f.status == 405 ? http_answer{405, {}, "", {}} : failed(f, nullptr);
  }
}

api::target api::find_route(const http_question& q) const {
  const auto wrong_method = [] { return sql_failure{405, "", "", ""}; };
  if (q.path == prefix) {
    if (q.method != "POST") throw wrong_method();
    return {route::submit, "", -1};
  }
  if (!q.path.starts_with(under))
    throw sql_failure{404, "390404", "", "The requested endpoint does not exist."};
  std::string handle = q.path.substr(under.size());
  constexpr std::string_view cancel = "/cancel";
  if (handle.ends_with(cancel)) {
    if (q.method != "POST") throw wrong_method();
    return {route::cancel, handle.substr(0, handle.size() - cancel.size()), -1};
  }
  if (q.method != "GET") throw wrong_method();
  const std::string partition = q.parameter("partition");
  if (partition.empty() || partition == "0") return {route::poll, handle, -1};
  return {route::partition, handle, std::atoi(partition.c_str())};
}

void api::check_headers(const http_question& q, const settings& how) const {
  for (const char* name : {"accept", "user-agent"})
    if (q.header(name).empty())
      throw sql_failure{400, "390142", "", std::string{"Header "} + name + " is required."};
  if (q.method == "POST" && !q.header("content-type").starts_with("application/json"))
    throw sql_failure{415, "390415", "", "The Content-Type header must be application/json."};
  authority_.check(q.header("authorization"), q.header("x-snowflake-authorization-token-type"), how);
}

http_answer api::act(const http_question& q, const target& t, const std::optional<fault>& f) {
  check_headers(q, account_.how());
  if (t.which == route::submit) return submit(q);
  const auto s = account_.find(t.handle);
  if (t.which == route::cancel) {
    if (!s->cancel())
      return failed({422, "000709", "02000", "Statement " + t.handle + " has ended"}, s.get());
    return failed({200, "000604", "57014", "SQL execution canceled"}, s.get());
  }
  const auto outcome = s->wait(std::chrono::milliseconds{0});
  // Postgres loses a cancel that meets it between two commands.
  if (!outcome && s->cancelled()) s->cancel();
  if (t.which == route::partition && outcome && outcome->rows) return rows_of(*s, t.partition, f);
  return show(*s, outcome.get(), t.which);
}

http_answer api::submit(const http_question& q) {
  const settings how = account_.how();
  if (q.parameter("nullable") == "false")
    throw sql_failure{400, "390142", "", "nullable=false is not emulated."};
  const auto s = account_.submit(read_work(q.body), q.parameter("requestId"), q.parameter("retry") == "true");
  const bool async = q.parameter("async") == "true";
  const auto outcome = s->wait(async ? std::chrono::milliseconds{0} : how.wait);
  return async ? still_running(*s) : show(*s, outcome.get(), route::submit);
}

http_answer api::show(statement& s, const statement::outcome* outcome, route on) {
  if (outcome == nullptr) return still_running(s);
  if (outcome->failure) return failed(*outcome->failure, &s);
  const auto f = faults_.next(on, -1, fault_plan::stage::result);
  const bool truncated = is(f, fault::kind::truncated_result);
  const std::size_t rows = outcome->rows->rows() + (is(f, fault::kind::wrong_count) ? 1 : 0);
  return json_answer(
      200,
      fmt::format(R"({{"resultSetMetaData":{},"data":{},"code":"{}","statementStatusUrl":{},"requestId":"",)"
                  R"("sqlState":"00000","statementHandle":{},"message":"Statement executed successfully.",)"
                  R"("createdOn":{}{}{}}})",
                  outcome->rows->metadata(account_.how(), rows), outcome->rows->first(),
                  truncated ? "391908" : "090001", json(url_of(s)), json(s.handle()), s.created_ms(),
                  children_of(*outcome), stats_of(*outcome)));
}

http_answer api::rows_of(statement& s, int partition, const std::optional<fault>& f) const {
  const auto outcome = s.wait(std::chrono::milliseconds{0});
  const auto count = static_cast<int>(outcome->rows->partitions().size());
  if (partition < 1 || partition >= count)
    return failed({422, "391909", "02000", fmt::format("Partition {} does not exist", partition)}, &s);
  const int shown =
      is(f, fault::kind::wrong_partition) && count > 2 ? 1 + partition % (count - 1) : partition;
  http_answer out{200,
                  {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}},
                  outcome->rows->packed(static_cast<std::size_t>(shown)),
                  {}};
  if (!f) return out;
  if (f->what == fault::kind::truncated_gzip) out.body.resize(out.body.size() / 2);
  if (f->what == fault::kind::added_column || f->what == fault::kind::dropped_column ||
      f->what == fault::kind::short_partition) {
    const auto plain = http::unpack_gzip(out.body, largest_partition);
    if (plain) out.body = http::gzip_packer{1}.pack_always(spoiled(*plain, f->what));
  }
  return out;
}

}  // namespace gridlight::test::snowflake
