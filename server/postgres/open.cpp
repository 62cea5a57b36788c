// How a session begins: parameters, connecting off-thread, settings.
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <map>

#include "server/postgres/connection_impl.hpp"
#include "server/postgres/offload.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
namespace {

using settings = std::map<std::string, std::string, std::less<>>;

struct free_options {
  void operator()(PQconninfoOption* o) const noexcept { PQconninfoFree(o); }
};
using options_ptr = std::unique_ptr<PQconninfoOption, free_options>;

settings given(const PQconninfoOption* options) {
  settings out;
  for (; options != nullptr && options->keyword != nullptr; ++options)
    if (options->val != nullptr && *options->val != '\0') out[options->keyword] = options->val;
  return out;
}

std::size_t hosts(const settings& s) {
  std::size_t most = 1;
  for (const char* key : {"host", "hostaddr"})
    if (const auto found = s.find(key); found != s.end())
      most = std::max(most, 1 + static_cast<std::size_t>(std::ranges::count(found->second, ',')));
  return most;
}

std::string milliseconds(std::chrono::milliseconds t) {
  return std::to_string(t.count());
}

// libpq's limit is for one address, ours for all: it must leave time to try the next.
std::string seconds_for_one(const connect_options& o, std::size_t addresses) {
  const auto total = std::chrono::ceil<std::chrono::seconds>(o.connect_timeout).count();
  return std::to_string(std::max<std::int64_t>(2, total / static_cast<std::int64_t>(addresses)));
}

// A service file's hosts are not known here; several perhaps.
std::size_t hosts_of(const settings& known) {
  return known.contains("service") ? 2 : hosts(known);
}

struct parameter_set {
  settings ours;
  std::size_t hosts;
};

// Of what we would like, only that which neither the URI nor the environment sets (libpq fills in the
// environment only where nothing is given, so it has to be asked). Nothing when the URI is none.
std::optional<parameter_set> parameters(const connect_options& o) {
  char* error = nullptr;
  const options_ptr parsed{PQconninfoParse(o.uri.reveal().c_str(), &error)};
  if (error != nullptr) PQfreemem(error);  // may quote the URI, so it is shown to nobody
  if (!parsed) return {};
  const settings own = given(parsed.get());
  settings known = given(options_ptr{PQconndefaults()}.get());
  for (const auto& [key, value] : own)
    known[key] = value;
  const std::size_t several = hosts_of(known);
  settings ours{{"fallback_application_name", o.application_name},
                {"connect_timeout", seconds_for_one(o, several)},
                {"keepalives", "1"},
                {"keepalives_idle", "30"},
                {"keepalives_interval", "10"},
                {"keepalives_count", "3"},
                {"tcp_user_timeout", milliseconds(o.unanswered_timeout)}};
  std::erase_if(ours, [&](const auto& s) { return known.contains(s.first); });
  return parameter_set{std::move(ours), several};
}

struct attempt {
  std::string uri;
  settings ours;   ///< what the URI may override
  settings there;  ///< what it may not
  deadline until;
  bool stepwise;  ///< one address: libpq's timeout, in whole seconds, is not needed to get to the next
  std::atomic<bool> abandoned{false};
  connection_handle session;
  bool heard = false;  ///< the server has sent something

  bool over() const { return abandoned || steady::now() >= until; }
};

// Whoever waits for an attempt; when it goes, the attempt ends soon and leaves its thread to others.
struct asker {
  std::shared_ptr<attempt> job;
  explicit asker(std::shared_ptr<attempt> j) : job(std::move(j)) {}
  asker(const asker&) = delete;
  asker& operator=(const asker&) = delete;
  ~asker() { job->abandoned = true; }
};

// What PQconnectdb does, but with a limit in milliseconds, and with an ear for any answer.
void connect_stepwise(attempt& a, const char* const* keys, const char* const* values) {
  a.session.reset(PQconnectStartParams(keys, values, 1));
  PGconn* const c = a.session.get();
  auto next = PGRES_POLLING_WRITING;
  while (c != nullptr && PQstatus(c) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
         next != PGRES_POLLING_FAILED) {
    if (a.over()) return;
    const bool reading = next == PGRES_POLLING_READING;
    pollfd ready{PQsocket(c), static_cast<short>(reading ? POLLIN : POLLOUT), 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    char byte = 0;
    a.heard = a.heard || (reading && ::recv(PQsocket(c), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
    next = PQconnectPoll(c);
  }
}

void run(attempt& a) {
  if (a.over()) return;  // it stood in the queue for too long
  std::vector<const char*> keys, values;
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    keys.push_back(key);
    values.push_back(value.c_str());
  };
  for (const auto& [key, value] : a.ours)
    add(key.c_str(), value);
  add("dbname", a.uri);
  for (const auto& [key, value] : a.there)
    add(key.c_str(), value);
  keys.push_back(nullptr);
  values.push_back(nullptr);
  if (a.stepwise) return connect_stepwise(a, keys.data(), values.data());
  a.session.reset(PQconnectdbParams(keys.data(), values.data(), 1));
}

failure unreachable(std::string_view why) {
  return from_sqlstate("08001", why.substr(0, why.find("; in: ")));
}

// In milliseconds, in the order of session_limits.
constexpr std::string_view limits_sql =
    "; SELECT (extract(epoch FROM pg_catalog.current_setting(w.name)::interval) * 1000)::bigint FROM "
    "pg_catalog.unnest(ARRAY['statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout']) "
    "WITH ORDINALITY AS w(name, n) ORDER BY w.n";

std::chrono::milliseconds limit(const result_set& rows, int row) {
  std::int64_t value = 0;
  const std::string_view text = rows.rows() > row ? rows.text(row, 0) : std::string_view{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::chrono::milliseconds{value};
}

// Whatever the user set, by `options`, PGOPTIONS or a service file, has the source 'client' and stays.
std::string session_sql(const connect_options& o) {
  std::string sql = "SET TimeZone = 'UTC'";
  if (o.pooled)  // PgBouncer keeps this one apart for each client; the rest belongs to the role
    return sql + std::string{limits_sql};
  sql +=
      "; SET DateStyle = 'ISO'; SELECT pg_catalog.set_config(w.name, w.value, false) FROM (VALUES "
      "('statement_timeout', '" +
      milliseconds(o.statement_timeout) +
      "'), "
      "('idle_in_transaction_session_timeout', '" +
      milliseconds(o.idle_in_transaction_timeout) +
      "'), "
      "('lock_timeout', '" +
      milliseconds(o.lock_timeout) +
      "')) AS w(name, value) "
      "JOIN pg_catalog.pg_settings AS s ON s.name = w.name WHERE s.source <> 'client'";
  return sql + std::string{limits_sql};
}

std::shared_ptr<attempt> make_attempt(const connect_options& o, settings ours, bool stepwise,
                                      deadline until) {
  auto out = std::make_shared<attempt>();
  out->uri = o.uri.reveal();
  out->ours = std::move(ours);
  out->stepwise = stepwise;
  out->until = until;
  return out;
}

}  // namespace

bool connection::has_several_hosts(const connect_options& options) {
  const auto known = parameters(options);
  return known && known->hosts > 1;
}

asio::awaitable<bool> connection::answers(asio::any_io_executor executor, const connect_options& options,
                                          const endpoint& there, deadline until) {
  auto known = parameters(options);
  if (!known) co_return false;
  const asker own{make_attempt(options, std::move(known->ours), true, until)};
  own.job->there = {{"host", there.host},
                    {"hostaddr", there.address},
                    {"port", there.port},
                    {"target_session_attrs", "any"}};
  const std::shared_ptr<attempt> job = own.job;
  std::function<void()> connect = [job] { run(*job); };
  const bool ended = co_await await_off_thread(executor, chore::connect, std::move(connect), until);
  if (!ended) co_return false;
  const bool up = job->session && PQstatus(job->session.get()) == CONNECTION_OK;
  co_return up || (job->heard && !job->over());
}

asio::awaitable<result<connection>> connection::open(asio::any_io_executor executor,
                                                     const connect_options& options, deadline until) {
  until = std::min(until, deadline_in(options.connect_timeout));
  auto known = parameters(options);
  if (!known) co_return unreachable("the connection string cannot be understood");
  const std::string session = session_sql(options);
  const bool pooled = options.pooled;

  const asker own{make_attempt(options, std::move(known->ours), known->hosts == 1, until)};
  const std::shared_ptr<attempt> job = own.job;
  job->there = {{"client_encoding", "UTF8"}};
  std::function<void()> connect = [job] {
    run(*job);
  };  // named: g++ 12 destroys an awaited call's lambda twice
  const bool ended = co_await await_off_thread(executor, chore::connect, std::move(connect), until);
  if (!ended) co_return unreachable("connecting took too long");
  if (!job->session)
    co_return unreachable(job->over() ? "connecting took too long" : "no memory for a session");
  const auto status = PQstatus(job->session.get());
  if (status != CONNECTION_OK)
    co_return unreachable(status == CONNECTION_BAD ? PQerrorMessage(job->session.get())
                                                   : "connecting took too long");

  std::unique_ptr<impl> made;
  try {
    made = std::make_unique<impl>(executor, std::move(job->session), pooled);
  } catch (const std::exception& e) {
    co_return unreachable(e.what());
  }
  connection c{std::move(made)};
  auto set = co_await c.execute(session, until);
  if (!set) co_return unreachable(set.error().log_detail);
  c.impl_->limits = {limit(*set, 0), limit(*set, 1), limit(*set, 2)};
  co_return c;
}

}  // namespace gridlight::postgres
