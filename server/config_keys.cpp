#include "server/config_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight::config_detail {
namespace {

using texts = std::vector<std::string>;
using namespace std::chrono_literals;

// A member of config, by its dotted name. The name is the member, so that the two cannot part.
#define GRIDLIGHT_SETTING(path) \
#path, [](auto& c) -> auto& { \
    return c.path;              \
  }

// Completes a row with what needs the member alone.
template <class At>
setting of(At at, setting out) {
  out.same = [=](const config& a, const config& b) { return at(a) == at(b); };
  out.copy = [=](const config& from, config& to) { at(to) = at(from); };
  return out;
}

setting at_start(setting out) {
  out.restart = true;
  return out;
}

template <class At>
setting whole(const char* name, At at, std::int64_t least, std::int64_t most, std::string help) {
  return of(
      at, {name, fmt::format("a whole number between {} and {}", least, most), std::move(help), false, false,
           [=](config& c, std::span<const std::string> v) {
             const auto n = read_integer(v[0]);
             if (!n || *n < least || *n > most) return false;
             auto& member = at(c);
             member = static_cast<std::remove_reference_t<decltype(member)>>(*n);
             return true;
           },
           [=](const config& c) { return texts{fmt::format("{}", at(c))}; }});
}

template <class At>
setting number(const char* name, At at, double least, double most, std::string help) {
  return of(at, {name, fmt::format("a number between {} and {}", least, most), std::move(help), false, false,
                 [=](config& c, std::span<const std::string> v) {
                   const auto n = read_number(v[0]);
                   if (!n || *n < least || *n > most) return false;
                   at(c) = *n;
                   return true;
                 },
                 [=](const config& c) { return texts{fmt::format("{}", at(c))}; }});
}

template <class At>
setting flag(const char* name, At at, std::string help) {
  return of(at, {name, "true or false", std::move(help), false, false,
                 [=](config& c, std::span<const std::string> v) {
                   const auto b = read_boolean(v[0]);
                   if (b) at(c) = *b;
                   return b.has_value();
                 },
                 [=](const config& c) { return texts{at(c) ? "true" : "false"}; }});
}

template <class At>
setting duration(const char* name, At at, std::chrono::milliseconds least, std::chrono::milliseconds most,
                 std::string help) {
  return of(
      at,
      {name, fmt::format("a time such as 500ms, 10s, 5m or 1h, between {} and {}", show(least), show(most)),
       std::move(help), false, false,
       [=](config& c, std::span<const std::string> v) {
         const auto d = read_duration(v[0]);
         if (!d || *d < least || *d > most) return false;
         at(c) = *d;
         return true;
       },
       [=](const config& c) { return texts{show(at(c))}; }});
}

template <class At>
setting size(const char* name, At at, std::size_t least, std::size_t most, std::string help) {
  return of(at, {name,
                 fmt::format("a size such as 4096, 16KB or 1MB (of 1024), between {} and {}",
                             show_size(least), show_size(most)),
                 std::move(help), false, false,
                 [=](config& c, std::span<const std::string> v) {
                   const auto n = read_size(v[0]);
                   if (!n || *n < least || *n > most) return false;
                   at(c) = *n;
                   return true;
                 },
                 [=](const config& c) { return texts{show_size(at(c))}; }});
}

template <class At>
setting one_of(const char* name, At at, texts allowed, std::string help) {
  return of(at, {name, fmt::format("one of {}", fmt::join(allowed, ", ")), std::move(help), false, false,
                 [=](config& c, std::span<const std::string> v) {
                   if (std::find(allowed.begin(), allowed.end(), v[0]) == allowed.end()) return false;
                   at(c) = v[0];
                   return true;
                 },
                 [=](const config& c) { return texts{at(c)}; }});
}

template <class At>
setting text(const char* name, At at, bool (*fits)(std::string_view), std::string rule, std::string help) {
  return of(at, {name, std::move(rule), std::move(help), false, false,
                 [=](config& c, std::span<const std::string> v) {
                   if (!fits(v[0])) return false;
                   at(c) = v[0];
                   return true;
                 },
                 [=](const config& c) { return texts{at(c)}; }});
}

template <class At>
setting hidden_text(const char* name, At at, bool (*fits)(std::string_view), std::string rule,
                    std::string help) {
  return of(at, {name, std::move(rule), std::move(help), false, true,
                 [=](config& c, std::span<const std::string> v) {
                   if (!fits(v[0])) return false;
                   at(c) = secret{v[0]};
                   return true;
                 },
                 [=](const config& c) { return texts{at(c).empty() ? "" : "***"}; }});
}

template <class At>
setting list(const char* name, At at, bool (*fits)(std::string_view), std::string rule, std::string help) {
  return of(at, {name, std::move(rule), std::move(help), true, false,
                 [=](config& c, std::span<const std::string> v) {
                   if (!std::all_of(v.begin(), v.end(), fits)) return false;
                   at(c) = texts{v.begin(), v.end()};
                   return true;
                 },
                 [=](const config& c) { return at(c); }});
}

bool is_snowflake_name(std::string_view text) {
  return text.empty() ||
         (is_identifier(text.substr(0, 63)) && text.size() <= 255 && text.find_first_of(":/ ") == text.npos);
}

constexpr const char* path_rule = "empty or a file's path, without control characters";

const std::vector<setting>& table() {
  static const std::vector<setting> rows{
      at_start(
          text(GRIDLIGHT_SETTING(http.address), is_address, "an IP address such as 127.0.0.1, 0.0.0.0 or ::",
               "Address to listen on. 127.0.0.1 serves this machine alone, 0.0.0.0 or :: all its networks.")),
      at_start(whole(GRIDLIGHT_SETTING(http.port), 0, 65535, "Port to listen on; 0 takes any free one.")),
      at_start(text(
          GRIDLIGHT_SETTING(http.handover), is_path, path_rule,
          "Socket (a path) over which a running server gives its listening sockets to a newly started one of "
          "the same user, and then ends: a restart that refuses nobody. Empty: not. Needless where systemd "
          "hands in the socket.")),
      at_start(whole(GRIDLIGHT_SETTING(http.threads), 0, 1024,
                     "Threads that serve, each with an event loop; 0: half as many as there are cores.")),
      duration(GRIDLIGHT_SETTING(http.request_timeout), 10ms, 10min,
               "From the whole request read to its answer begun: waiting for a connection and the query."),
      duration(GRIDLIGHT_SETTING(http.header_timeout), 10ms, 10min, "For a request's head to arrive."),
      duration(GRIDLIGHT_SETTING(http.idle_timeout), 10ms, 1h,
               "A kept-alive connection without a request is closed."),
      duration(GRIDLIGHT_SETTING(http.write_timeout), 10ms, 1h,
               "For a client to take more of its answer; one slower than 64 KiB/s over all of it is given up "
               "too."),
      duration(GRIDLIGHT_SETTING(http.drain_timeout), 0ms, 10min,
               "After SIGTERM: what runs may finish; what then still runs is cut off."),
      size(GRIDLIGHT_SETTING(http.max_head_bytes), 1 << 10, 1 << 20,
           "Request line and headers; beyond: 431."),
      size(GRIDLIGHT_SETTING(http.max_body_bytes), 1 << 10, 1 << 30, "A request's body; beyond: 413."),
      whole(
          GRIDLIGHT_SETTING(http.max_connections), 1, 1'000'000,
          "Open connections, over all threads; for one more the longest idle makes room, else it gets 503."),
      whole(GRIDLIGHT_SETTING(http.max_connections_per_address), 0, 1'000'000,
            "Open connections of one client address (of IPv6: one /64), trusted proxies aside; 0: no such "
            "limit."),
      number(GRIDLIGHT_SETTING(http.rate_limit), 0, 1'000'000,
             "Requests a second from one client address; beyond: 429. /live, /ready, /health and /metrics "
             "always "
             "answer. 0: no such limit."),
      whole(GRIDLIGHT_SETTING(http.rate_burst), 1, 1'000'000,
            "Requests that an address may make at once, after a pause, in spite of http.rate_limit."),
      list(GRIDLIGHT_SETTING(http.cors_origins), is_origin, "* or origins such as https://map.example.org",
           "Sites whose pages may read answers; * for all, an empty list for none."),
      list(GRIDLIGHT_SETTING(http.trusted_proxies), is_network, "addresses or networks such as 10.0.0.0/8",
           "Proxies whose X-Forwarded-For tells the client's address, for the limits and the logs."),
      text(GRIDLIGHT_SETTING(http.base_path), is_base_path,
           "empty or a path such as /grid, without a slash at its end",
           "Prefix of every URL, when a proxy serves this program below its root."),
      flag(GRIDLIGHT_SETTING(http.compress), "Compress answers for clients that accept it."),
      at_start(flag(
          GRIDLIGHT_SETTING(http.batch_scheduling),
          "Run the threads that serve as SCHED_BATCH: on busy cores they take what has come together, "
          "instead of interrupting the database for each piece. false where the machine's other work would "
          "keep them waiting.")),
      flag(GRIDLIGHT_SETTING(http.open),
           "Serve on an address other than loopback although TLS or tokens are missing."),
      text(GRIDLIGHT_SETTING(http.tls.certificate), is_path, path_rule,
           "Certificate chain (PEM), the server's first; with it only TLS is spoken. Read anew on SIGHUP and "
           "when the file changes; TLS itself is turned on or off by a restart."),
      text(GRIDLIGHT_SETTING(http.tls.key), is_path, path_rule, "Private key (PEM) of http.tls.certificate."),
      duration(GRIDLIGHT_SETTING(http.tls.handshake_timeout), 10ms, 10min, "For a TLS handshake."),

      text(
          GRIDLIGHT_SETTING(auth.tokens_file), is_path, path_rule,
          "File of the tokens that callers may show (gridlight token makes its entries). Read anew on SIGHUP "
          "and when it changes."),
      one_of(GRIDLIGHT_SETTING(auth.anonymous), {"auto", "read", "none"},
             "What callers without a token may do: read what is not personal, or nothing. auto: read on "
             "loopback or with http.open, else nothing."),
      list(GRIDLIGHT_SETTING(auth.open_routes), is_guarded_route, "/health or /metrics",
           "Routes that need no token even when anonymous callers may do nothing."),
      text(GRIDLIGHT_SETTING(auth.trusted_user_header), is_header_name, "empty or the name of a header",
           "Header in which an ingress names the user whom it has identified."),
      list(GRIDLIGHT_SETTING(auth.trusted_user_networks), is_network,
           "addresses or networks such as 10.0.0.0/8",
           "Peers whose auth.trusted_user_header counts; from all others it is ignored."),
      list(GRIDLIGHT_SETTING(auth.trusted_user_scopes), is_scope, "read, write or personal",
           "What users whom the ingress names may do."),

      at_start(hidden_text(
          GRIDLIGHT_SETTING(postgres.uri), is_connection_string,
          "a URI or key=value list that libpq understands, such as postgresql://user@host/database",
          "The database; also GRIDLIGHT_DATABASE_URL. Empty: libpq's PG* variables and service file.")),
      at_start(flag(GRIDLIGHT_SETTING(postgres.pooled),
                    "The database is behind a pooler in transaction mode, such as PgBouncer.")),
      at_start(whole(GRIDLIGHT_SETTING(postgres.lookup_connections), 0, 1000,
                     "Connections for lookups, over all threads; 0: one more than there are cores.")),
      at_start(
          whole(GRIDLIGHT_SETTING(postgres.sharers), 1, 64,
                "Short lookups that may be under way on one connection (a pipeline), and twice as many tiles "
                "from zoom 13 "
                "on; 1: each has its own.")),
      at_start(whole(GRIDLIGHT_SETTING(postgres.tile_connections), 0, 1000,
                     "Connections for tiles, over all threads; 0: three for each core.")),
      at_start(
          whole(GRIDLIGHT_SETTING(postgres.sync_connections), 0, 100, "Connections for the sync module.")),
      at_start(whole(GRIDLIGHT_SETTING(postgres.admin_connections), 1, 100,
                     "Connections for readiness and versions.")),
      at_start(
          whole(GRIDLIGHT_SETTING(postgres.max_waiting), 0, 1'000'000,
                "Requests that may wait for a connection, a lane, over all threads; one more gets 503.")),
      at_start(number(
          GRIDLIGHT_SETTING(postgres.priority_share), 0, 0.9,
          "Part of the waiting places, and of the lookups' connections (one at least) as far as long queries "
          "take them, that is kept for tokens with priority; 0: none.")),
      at_start(duration(GRIDLIGHT_SETTING(postgres.connect_timeout), 10ms, 10min, "For a new connection.")),
      at_start(
          duration(GRIDLIGHT_SETTING(postgres.statement_timeout), 0ms, 1h, "Of every session; 0: none.")),
      at_start(
          duration(GRIDLIGHT_SETTING(postgres.idle_in_transaction_timeout), 1s, 60s, "Of every session.")),
      at_start(duration(GRIDLIGHT_SETTING(postgres.lock_timeout), 0ms, 1h, "Of every session; 0: none.")),
      at_start(duration(GRIDLIGHT_SETTING(postgres.max_age), 1s, 24h,
                        "An idle connection older than this is replaced.")),

      number(GRIDLIGHT_SETTING(limits.max_radius_m), 1, 20'100'000,
             "Largest radius of a lookup, in metres; beyond: 400."),
      whole(GRIDLIGHT_SETTING(limits.default_limit), 1, 1'000'000,
            "Features in an answer when no limit is asked for."),
      whole(GRIDLIGHT_SETTING(limits.max_limit), 1, 1'000'000,
            "Largest limit that may be asked for; beyond: 400."),
      whole(GRIDLIGHT_SETTING(limits.max_vertices), 4, 10'000'000,
            "Vertices of a geometry sent to us; beyond: 413."),

      duration(
          GRIDLIGHT_SETTING(limits.stale_for), 0ms, 24h * 7,
          "While the database is away, tiles and answers that are kept are served for so long, labelled with "
          "Gridlight-Stale; 0s: not at all."),

      at_start(size(GRIDLIGHT_SETTING(tiles.cache_bytes), 0, std::size_t{1} << 40,
                    "Memory for tiles that are kept, packed; 0: none are kept.")),
      size(GRIDLIGHT_SETTING(tiles.max_bytes), 1024, 64 * 1024 * 1024,
           "Largest tile, packed; what would be larger loses the features of the lowest rank."),
      duration(
          GRIDLIGHT_SETTING(tiles.budget), 1ms, 10s,
          "Time to read and encode a layer of a tile, which bounds its features (250 a millisecond): those "
          "of the lowest rank are dropped."),
      at_start(flag(
          GRIDLIGHT_SETTING(tiles.build),
          "serve makes the generalised tables that tiles of low zooms are read from, and keeps them up to "
          "date. false where gridlight tiles build does, or where another server does it.")),
      duration(GRIDLIGHT_SETTING(events.heartbeat), 100ms, 10min,
               "How often a listener hears from us when nothing changes, so that proxies keep it connected."),
      duration(
          GRIDLIGHT_SETTING(events.max_duration), 0ms, 24h,
          "After that long a stream of events ends, between two of them, and its client comes again for the "
          "rest: 55s behind an ingress that cuts at 60. 0: no such limit."),

      one_of(GRIDLIGHT_SETTING(log.level), {"trace", "debug", "info", "warn", "error"},
             "Least level that is logged."),
      at_start(one_of(GRIDLIGHT_SETTING(log.format), {"text", "json"},
                      "Lines of text, or one JSON object a line.")),
      flag(GRIDLIGHT_SETTING(log.access), "A line for each request, at level info."),
      flag(GRIDLIGHT_SETTING(log.audit),
           "A line for each request that saw personal data or wrote, and for each refused token, whatever "
           "the level."),

      flag(GRIDLIGHT_SETTING(sync.enabled),
           "serve keeps the tables of sync.tables; of several servers one does. false where only gridlight "
           "sync run does."),
      duration(GRIDLIGHT_SETTING(sync.keep_previous), 0ms, 24h * 30,
               "How long the table before a swap is kept for gridlight rollback; 0: not at all."),
      duration(GRIDLIGHT_SETTING(sync.run_timeout), 1s, 24h,
               "How long a run may take, by the schedule or by hand; then it is given up, and tried again."),
      one_of(
          GRIDLIGHT_SETTING(sync.reaper), {"report", "end", "off"},
          "The server that syncs looks for sessions of gridlight's, of its own role and database, that are "
          "idle in a transaction or busy with one statement for too long: report logs them, end ends them "
          "too."),
      duration(GRIDLIGHT_SETTING(sync.reaper_after), 1s, 24h,
               "How long that is; for a busy one it is added to postgres.statement_timeout."),
      text(GRIDLIGHT_SETTING(sync.snowflake.account), is_snowflake_name,
           "empty or an account such as ORG-NAME, without https:// and .snowflakecomputing.com",
           "Snowflake account; with it, the built-in tables of sync.tables are kept."),
      text(GRIDLIGHT_SETTING(sync.snowflake.host), is_snowflake_name, "empty or a host's name",
           "Where its API is; empty: the account's own. In Snowpark Container Services ${SNOWFLAKE_HOST}."),
      whole(GRIDLIGHT_SETTING(sync.snowflake.port), 1, 65535, "Port of its API."),
      text(GRIDLIGHT_SETTING(sync.snowflake.ca_file), is_path, path_rule,
           "Authorities (PEM) to trust; empty: the system's."),
      text(GRIDLIGHT_SETTING(sync.snowflake.user), is_snowflake_name, "empty or a user's LOGIN_NAME",
           "User of sync.snowflake.private_key_file."),
      text(GRIDLIGHT_SETTING(sync.snowflake.private_key_file), is_path, path_rule,
           "RSA key (PEM) whose public half is registered for the user."),
      hidden_text(GRIDLIGHT_SETTING(sync.snowflake.passphrase), is_path, "a text without control characters",
                  "Of an encrypted private key."),
      text(GRIDLIGHT_SETTING(sync.snowflake.token_file), is_path, path_rule,
           "File with a token, read for every request; in Snowpark Container Services "
           "/snowflake/session/token."),
      one_of(GRIDLIGHT_SETTING(sync.snowflake.token_type), {"oauth", "pat"}, "What token_file holds."),
      text(GRIDLIGHT_SETTING(sync.snowflake.warehouse), is_snowflake_name,
           "empty or a name in the case in which Snowflake stores it", "Warehouse; empty: the user's own."),
      text(GRIDLIGHT_SETTING(sync.snowflake.database), is_snowflake_name,
           "empty or a name in the case in which Snowflake stores it", "Database; empty: the user's own."),
      text(GRIDLIGHT_SETTING(sync.snowflake.schema), is_snowflake_name,
           "empty or a name in the case in which Snowflake stores it", "Schema; empty: the user's own."),
      text(GRIDLIGHT_SETTING(sync.snowflake.role), is_snowflake_name,
           "empty or a name in the case in which Snowflake stores it", "Role; empty: the user's own."),
  };
  return rows;
}

#undef GRIDLIGHT_SETTING

}  // namespace

std::span<const setting> settings_table() {
  return table();
}

const setting* find_setting(std::string_view name) {
  for (const setting& s : table())
    if (s.name == name) return &s;
  return nullptr;
}

std::string environment_name(std::string_view setting_name) {
  std::string out = "GRIDLIGHT_";
  for (const char c : setting_name)
    out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

bool is_section(std::string_view name) {
  return std::any_of(table().begin(), table().end(), [&](const setting& s) {
    return s.name.size() > name.size() && s.name.starts_with(name) && s.name[name.size()] == '.';
  });
}

std::vector<contradiction> contradictions(const config& c) {
  std::vector<contradiction> out;
  if (c.limits.default_limit > c.limits.max_limit)
    out.push_back({"limits.default_limit",
                   fmt::format("limits.default_limit is {}; it must not be above limits.max_limit, "
                               "which is {}",
                               c.limits.default_limit, c.limits.max_limit)});
  const auto& origins = c.http.cors_origins;
  if (origins.size() > 1 && std::find(origins.begin(), origins.end(), "*") != origins.end())
    out.push_back(
        {"http.cors_origins", "http.cors_origins has * beside other origins; * already allows all"});
  const auto& tls = c.http.tls;
  if (tls.certificate.empty() != tls.key.empty())
    out.push_back(
        {tls.key.empty() ? "http.tls.certificate" : "http.tls.key",
         fmt::format("http.tls.{} is set without http.tls.{}; TLS needs both",
                     tls.key.empty() ? "certificate" : "key", tls.key.empty() ? "key" : "certificate")});
  const auto& auth = c.auth;
  if (auth.trusted_user_header.empty() != auth.trusted_user_networks.empty())
    out.push_back(
        {auth.trusted_user_header.empty() ? "auth.trusted_user_networks" : "auth.trusted_user_header",
         "auth.trusted_user_header and auth.trusted_user_networks need each other: which header, "
         "and which peers may set it"});
  if (auth.anonymous == "none" && auth.tokens_file.empty() && auth.trusted_user_header.empty())
    out.push_back({"auth.anonymous",
                   "auth.anonymous is none, so that nobody could ask anything: set auth.tokens_file or "
                   "auth.trusted_user_header too"});
  check_sync(c, out);
  return out;
}

}  // namespace gridlight::config_detail
