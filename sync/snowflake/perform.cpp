// One call of the API with its repetitions.
#include <fmt/format.h>

#include <array>
#include <boost/beast/http/field.hpp>

#include "sync/snowflake/body_window.hpp"
#include "sync/snowflake/client_impl.hpp"
#include "sync/snowflake/request.hpp"

namespace gridlight::sync::snowflake {
namespace bhttp = boost::beast::http;
using boost::asio::awaitable;
namespace {

result<std::string> unpacked(std::string_view packed, std::size_t most) {
  byte_source source = from_memory(packed);
  std::string out;
  std::array<char, 64 * 1024> part;
  for (;;) {
    const auto n = source.read(part);
    if (!n) return failure{errc::internal, "Snowflake's answer cannot be unpacked: " + n.error().detail};
    if (*n == 0) return out;
    if (out.size() + *n > most) return failure{errc::internal, "Snowflake's answer is larger than allowed"};
    out.append(part.data(), *n);
  }
}

}  // namespace

client::impl::impl(boost::asio::any_io_executor e, client_options o, std::shared_ptr<credentials> w,
                   std::shared_ptr<boost::asio::ssl::context> tls)
    : options(std::move(o)), who(std::move(w)), http(std::move(e), std::move(tls), options) {}

result<http_request> client::impl::make(const request& r, bool may_have_run) {
  const auto token = who->token();
  if (!token) return token.error();
  const bool post = r.what == call::submit || r.what == call::cancel;
  http_request out{post ? bhttp::verb::post : bhttp::verb::get,
                   may_have_run && !r.target_repeated.empty() ? r.target_repeated : r.target, 11};
  const bool named = options.port != 443;
  out.set(bhttp::field::host, named ? fmt::format("{}:{}", options.host, options.port) : options.host);
  out.set(bhttp::field::user_agent, options.user_agent);
  out.set(bhttp::field::accept, "application/json");
  out.set(bhttp::field::accept_encoding, "gzip");
  out.set(bhttp::field::content_type, "application/json");
  out.set(bhttp::field::authorization, "Bearer " + token->token.reveal());
  out.set("X-Snowflake-Authorization-Token-Type", token->type);
  if (post) {
    out.body() = r.body;
    out.prepare_payload();
  }
  return out;
}

// An error's body may be HTML or nothing: then the status alone speaks.
result<client::impl::reply> client::impl::read(call what, http_answer http_reply) const {
  reply out{verdict::fail, std::move(http_reply), {}};
  const bool partition = what == call::partition && out.http.status == 200;
  if (!partition) {
    if (out.http.gzip) {
      auto text = unpacked(out.http.body, options.most_answer_bytes);
      if (!text && out.http.status == 200) return text.error();
      out.http.body = text ? std::move(*text) : std::string{};
      out.http.gzip = false;
    }
    auto said = read_answer(out.http.body);
    const bool needed = out.http.status == 202 || (out.http.status == 200 && what != call::cancel);
    if (!said && needed) return said.error();
    if (said) out.said = std::move(*said);
  }
  out.is = judge(what, out.http.status, out.said.code);
  return out;
}

awaitable<bool> client::impl::pause(std::chrono::milliseconds time, deadline until) {
  if (stopped || steady::now() + time >= until) co_return false;
  co_return co_await http.pause(time);
}

failure client::impl::given_up(const std::optional<failure>& last) const {
  if (stopped) return {errc::shutting_down, "Snowflake was not waited for: the work is ended"};
  failure out = last.value_or(failure{errc::deadline, "no answer from Snowflake"});
  out.code = errc::deadline;
  out.detail = "the time was up: " + out.detail;
  return out;
}

awaitable<result<client::impl::reply>> client::impl::perform(request r, deadline until) {
  backoff pauses{options.backoff, randomness()};
  std::optional<failure> last;
  bool may_have_run = false, renewed = false;
  for (int attempt = 0;; ++attempt) {
    if (stopped || steady::now() >= until) co_return given_up(last);
    auto message = make(r, may_have_run);
    if (!message) co_return message.error();
    ++counts.requests;
    counts.repeated += attempt > 0;
    auto outcome = co_await http.exchange(*message, until);
    std::optional<std::chrono::seconds> retry_after;
    if (auto* trouble = std::get_if<http_trouble>(&outcome)) {
      if (stopped) co_return given_up(last);
      if (trouble->final) co_return trouble->why;
      may_have_run |= trouble->sent;
      last = std::move(trouble->why);
      if (trouble->stale) continue;
    } else {
      auto read_now = read(r.what, std::move(std::get<http_answer>(outcome)));
      if (!read_now) co_return read_now.error();
      const verdict is = read_now->is;
      if (is != verdict::renew_token && is != verdict::back_off && is != verdict::repeat)
        co_return std::move(*read_now);
      last = read_now->refused();
      if (is == verdict::renew_token) {
        if (renewed || !who->renew()) co_return *last;
        renewed = true;
        continue;
      }
      may_have_run |= is == verdict::repeat;
      retry_after = read_now->http.retry_after;
    }
    const auto wait = pauses.next(retry_after);
    if (!wait) {
      last->detail += fmt::format(" (given up after {} attempts)", attempt + 1);
      co_return *last;
    }
    const bool waited = co_await pause(*wait, until);
    if (!waited) co_return given_up(last);
  }
}

}  // namespace gridlight::sync::snowflake
