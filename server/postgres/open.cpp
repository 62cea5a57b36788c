// How a session begins: parameters, connecting off-thread, settings.
#include <spdlog/spdlog.h>

#include <algorithm>
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

// libpq's limit is for one address, ours for all: it must leave time to try the next.
std::string seconds_for_one(const connect_options& o, std::size_t addresses) {
  const auto total = std::chrono::ceil<std::chrono::seconds>(o.connect_timeout).count();
  return std::to_string(std::max<std::int64_t>(2, total / static_cast<std::int64_t>(addresses)));
}

// Of what we would like, only that which neither the URI nor the environment sets (libpq fills in the
// environment only where nothing is given, so it has to be asked). Nothing when the URI is none.
std::optional<settings> parameters(const connect_options& o) {
  char* error = nullptr;
  const options_ptr parsed{PQconninfoParse(o.uri.reveal().c_str(), &error)};
  if (error != nullptr) PQfreemem(error);  // may quote the URI, so it is shown to nobody
  if (!parsed) return {};
  const settings own = given(parsed.get());
  settings known = given(options_ptr{PQconndefaults()}.get());
  const bool hidden = own.contains("service");  // its hosts are not known here; several perhaps
  for (const auto& [key, value] : own)
    known[key] = value;
  settings ours{{"fallback_application_name", o.application_name},
                {"connect_timeout", seconds_for_one(o, hidden ? 2 : hosts(known))},
                {"keepalives", "1"},
                {"keepalives_idle", "30"},
                {"keepalives_interval", "10"},
                {"keepalives_count", "3"},
                {"tcp_user_timeout", "30000"}};
  std::erase_if(ours, [&](const auto& s) { return known.contains(s.first); });
  return ours;
}

struct attempt {
  std::string uri;
  settings ours;
  connection_handle session;
};

void run(attempt& a) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : a.ours) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  // The URI stands after what it may override, and before what it may not.
  for (const auto& [key, value] :
       {std::pair{"dbname", a.uri.c_str()}, std::pair{"client_encoding", "UTF8"}}) {
    if (*value == '\0') continue;
    keys.push_back(key);
    values.push_back(value);
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  a.session.reset(PQconnectdbParams(keys.data(), values.data(), 1));
}

failure unreachable(std::string_view why) {
  return from_sqlstate("08001", why.substr(0, why.find("; in: ")));
}

std::string milliseconds(std::chrono::milliseconds t) {
  return std::to_string(t.count());
}

// Whatever the user set, by `options`, PGOPTIONS or a service file, has the source 'client' and stays.
std::string session_sql(const connect_options& o) {
  std::string sql = "SET TimeZone = 'UTC'";
  if (o.pooled) return sql;  // PgBouncer keeps this one apart for each client; the rest belongs to the role
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
  return sql;
}

}  // namespace

asio::awaitable<result<connection>> connection::open(asio::any_io_executor executor,
                                                     const connect_options& options, deadline until) {
  until = std::min(until, deadline_in(options.connect_timeout));
  auto ours = parameters(options);
  if (!ours) co_return unreachable("the connection string cannot be understood");
  const std::string session = session_sql(options);
  const bool pooled = options.pooled;

  const auto job = std::make_shared<attempt>();
  job->uri = options.uri.reveal();
  job->ours = std::move(*ours);
  std::function<void()> connect = [job] {
    run(*job);
  };  // named: g++ 12 destroys an awaited call's lambda twice
  const bool ended = co_await await_off_thread(executor, chore::connect, std::move(connect), until);
  if (!ended) co_return unreachable("connecting took too long");
  if (!job->session) co_return unreachable("no memory for a session");
  if (PQstatus(job->session.get()) != CONNECTION_OK)
    co_return unreachable(PQerrorMessage(job->session.get()));

  std::unique_ptr<impl> made;
  try {
    made = std::make_unique<impl>(executor, std::move(job->session), pooled);
  } catch (const std::exception& e) {
    co_return unreachable(e.what());
  }
  connection c{std::move(made)};
  auto set = co_await c.execute(session, until);
  if (!set) co_return unreachable(set.error().log_detail);
  co_return c;
}

}  // namespace gridlight::postgres
