#include "sync/snowflake/client.hpp"

#include <algorithm>

#include "sync/snowflake/client_impl.hpp"
#include "sync/snowflake/request.hpp"

namespace gridlight::sync::snowflake {
using boost::asio::awaitable;
namespace {

constexpr std::chrono::seconds parting{2};
constexpr std::int64_t longest_timeout = 604'800;  // a week, Snowflake's own

std::int64_t seconds_of(const statement& s, deadline until) {
  const steady::duration left = s.timeout.count() > 0 ? steady::duration{s.timeout} : until - steady::now();
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(left).count(), std::int64_t{1}, longest_timeout);
}

// Failures with which nobody knows whether the statement still runs.
bool may_run_on(const failure& f) {
  return f.code == errc::deadline || f.code == errc::shutting_down || f.code == errc::database_unavailable ||
         f.code == errc::internal;
}

result<execution> executed(client::impl::reply r, std::uint64_t most_unpacked) {
  execution out;
  out.head = std::move(r.said);
  answer& head = out.head;
  if (head.partitions.empty()) head.partitions.push_back({head.rows, 0, 0});
  if (!head.has_data && head.rows > 0) return failure{errc::internal, "Snowflake's answer has no data"};
  out.first.bytes = head.has_data ? std::move(r.http.body) : "[]";
  out.first.rows = head.partitions[0].rows;
  out.first.most_unpacked = most_unpacked;
  return out;
}

}  // namespace

awaitable<result<client::impl::reply>> client::impl::submit(const statement& s, deadline until) {
  request r{call::submit, {}};
  auto body = submit_body(s, options, seconds_of(s, until));
  if (!body) co_return body.error();
  r.body = std::move(*body);
  const auto id = make_request_id();
  if (!id) co_return id.error();
  r.target = submit_target(*id, s.async, false);
  r.target_repeated = submit_target(*id, s.async, true);
  co_return co_await perform(std::move(r), until);
}

awaitable<result<client::impl::reply>> client::impl::await_end(std::string handle, bool ask_at_once,
                                                               deadline until) {
  pacing pace{options.first_poll, options.longest_poll, randomness()};
  std::chrono::milliseconds wait{ask_at_once ? 0 : pace.next().count()};
  for (;;) {
    const bool waited = co_await pause(wait, until);
    if (!waited) co_return given_up(failure{errc::deadline, "a statement in Snowflake still runs"});
    const auto id = make_request_id();
    if (!id) co_return id.error();
    request r{call::status, status_target(handle, *id)};
    auto out = co_await perform(std::move(r), until);
    if (!out || out->is != verdict::running) co_return out;
    wait = pace.next();
    // 429 here means as a rule that it still runs. All tables wait for this one, so not for hours.
    if (out->http.retry_after)
      wait = std::max(wait,
                      std::min<std::chrono::milliseconds>(*out->http.retry_after, options.longest_told_poll));
  }
}

awaitable<result<execution>> client::impl::execute(statement s, deadline until) {
  backoff pauses{options.backoff, randomness()};
  for (;;) {
    auto out = co_await submit(s, until);
    if (out && out->is == verdict::running) {
      const std::string handle = out->said.handle;
      if (handle.empty()) co_return failure{errc::internal, "Snowflake gave a running statement no handle"};
      out = co_await await_end(handle, false, until);
      if (!out && may_run_on(out.error())) co_await abandon(handle);
    }
    if (!out) co_return out.error();
    if (out->is == verdict::done) co_return executed(std::move(*out), options.most_unpacked_bytes);
    if (out->is != verdict::submit_anew) co_return out->refused();
    const auto wait = pauses.next(out->http.retry_after);
    if (!wait) co_return out->refused();
    const bool waited = co_await pause(*wait, until);
    if (!waited) co_return given_up(out->refused());
  }
}

awaitable<result<execution>> client::impl::attach(std::string handle, deadline until) {
  auto out = co_await await_end(std::move(handle), true, until);
  if (!out) co_return out.error();
  if (out->is != verdict::done) co_return out->refused();
  co_return executed(std::move(*out), options.most_unpacked_bytes);
}

awaitable<result<partition_body>> client::impl::partition(std::string handle, std::size_t n,
                                                          std::uint64_t rows, deadline until) {
  const auto id = make_request_id();
  if (!id) co_return id.error();
  request r{call::partition, partition_target(handle, n, *id)};
  auto out = co_await perform(std::move(r), until);
  if (!out) co_return out.error();
  if (out->is != verdict::done) co_return out->refused();
  partition_body body;
  body.bytes = std::move(out->http.body);
  body.gzip = out->http.gzip;
  body.rows = rows;
  body.most_unpacked = options.most_unpacked_bytes;
  co_return body;
}

awaitable<result<void>> client::impl::cancel(std::string handle, deadline until) {
  const auto id = make_request_id();
  if (!id) co_return id.error();
  request r{call::cancel, cancel_target(handle, *id)};
  const auto out = co_await perform(std::move(r), until);
  if (!out) co_return out.error();
  if (out->is != verdict::done) co_return out->refused();
  co_return result<void>{};
}

awaitable<void> client::impl::abandon(std::string handle) {
  const auto id = make_request_id();
  if (!id) co_return;
  const request r{call::cancel, cancel_target(handle, *id)};
  const auto message = make(r, false);
  if (!message) co_return;
  ++counts.requests;
  const deadline soon = deadline_in(parting);
  co_await http.exchange(*message, soon);
}

client::client(std::shared_ptr<impl> p) : impl_(std::move(p)) {}
client::client(client&&) noexcept = default;
client::~client() {
  if (impl_) stop();
}

result<client> client::make(boost::asio::any_io_executor executor, client_options options,
                            std::shared_ptr<credentials> who) {
  const std::string& host = options.host;
  if (host.empty() || host.find_first_of("/:@ ") != host.npos)
    return failure{errc::input, "\"" + host + "\" is no host name; without https:// and without a path"};
  auto tls = make_tls_context(options.ca_file);
  if (!tls) return tls.error();
  return client{
      std::make_shared<impl>(std::move(executor), std::move(options), std::move(who), std::move(*tls))};
}

awaitable<result<execution>> client::execute(statement s, deadline until) {
  const auto self = impl_;
  co_return co_await self->execute(std::move(s), until);
}

awaitable<result<execution>> client::attach(std::string handle, deadline until) {
  const auto self = impl_;
  co_return co_await self->attach(std::move(handle), until);
}

awaitable<result<partition_body>> client::partition(const answer& head, std::size_t n, deadline until) {
  const auto self = impl_;
  const std::uint64_t rows = n < head.partitions.size() ? head.partitions[n].rows : 0;
  std::string handle = head.handle;
  co_return co_await self->partition(std::move(handle), n, rows, until);
}

awaitable<result<void>> client::cancel(std::string handle, deadline until) {
  const auto self = impl_;
  co_return co_await self->cancel(std::move(handle), until);
}

void client::stop() {
  impl_->stopped = true;
  impl_->http.stop();
}

client_counts client::counts() const {
  client_counts out = impl_->counts;
  out.connections = impl_->http.connections();
  out.bytes = impl_->http.bytes();
  return out;
}

}  // namespace gridlight::sync::snowflake
