#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.hpp"
#include "server/error.hpp"
#include "server/secret.hpp"
#include "server/sync_config.hpp"

namespace gridlight {

/// Everything that can be set, with defaults. The key of `http.port` in YAML is the member http.port; the
/// environment's is GRIDLIGHT_HTTP_PORT. Each key, its rule and its meaning stand once, in config_keys.cpp.
struct config {
  struct http_settings {
    std::string address = "127.0.0.1";
    int port = 8080;       ///< 0: any free one
    std::string handover;  ///< path of the socket over which a new process takes over; empty: none
    int threads = 0;       ///< 0: half as many as there are cores
    std::chrono::milliseconds request_timeout{10000};
    std::chrono::milliseconds header_timeout{10000};
    std::chrono::milliseconds idle_timeout{75000};
    std::chrono::milliseconds write_timeout{30000};
    std::chrono::milliseconds drain_timeout{10000};
    std::size_t max_head_bytes = 16 * 1024;
    std::size_t max_body_bytes = 1024 * 1024;
    std::size_t max_connections = 10000;
    std::size_t max_connections_per_address = 0;  ///< 0: as many as there may be
    double rate_limit = 0;                        ///< requests a second from one address; 0: any
    std::size_t rate_burst = 50;                  ///< requests at once after a pause
    std::vector<std::string> cors_origins = {"*"};
    std::vector<std::string> trusted_proxies;  ///< addresses or CIDR whose X-Forwarded-* count
    std::string base_path;                     ///< prefix of every URL behind a proxy, such as /grid
    bool compress = true;
    bool batch_scheduling = true;  ///< threads of the class SCHED_BATCH
    bool open = false;             ///< may listen beyond loopback without TLS and tokens
    struct tls_settings {
      std::string certificate, key;  ///< PEM files; both or neither
      std::chrono::milliseconds handshake_timeout{5000};
      bool enabled() const noexcept { return !certificate.empty(); }
    } tls;
  } http;
  struct auth_settings {
    std::string tokens_file;                         ///< empty: no tokens
    std::string anonymous = "auto";                  ///< auto, read, none; see anonymous_may_read
    std::vector<std::string> open_routes;            ///< of /health and /metrics: those that need no token
    std::string trusted_user_header;                 ///< an ingress names the user in it; empty: none
    std::vector<std::string> trusted_user_networks;  ///< addresses or CIDR of that ingress
    std::vector<std::string> trusted_user_scopes = {"read"};
  } auth;
  struct postgres_settings {
    secret uri;  ///< or GRIDLIGHT_DATABASE_URL; empty: PG*, service file
    bool pooled = false;
    int lookup_connections = 0;  ///< over all threads; 0: one more than cores
    int sharers = 6;             ///< short lookups under way on one connection
    int tile_connections = 0;
    int sync_connections = 1;
    int admin_connections = 1;
    int max_waiting = 1024;  ///< a lane, over all threads
    double priority_share = 0.1;
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds statement_timeout{10000};
    std::chrono::milliseconds idle_in_transaction_timeout{60000};
    std::chrono::milliseconds lock_timeout{2000};
    std::chrono::milliseconds max_age{1800000};
  } postgres;
  struct limit_settings {
    double max_radius_m = 50000;
    std::int64_t default_limit = 100;
    std::int64_t max_limit = 10000;
    std::int64_t max_vertices = 10000;
    std::chrono::milliseconds stale_for{600000};  ///< what is kept is served while the database is away
  } limits;
  struct tile_settings {
    std::size_t cache_bytes = 256 * 1024 * 1024;
    std::size_t max_bytes = 500'000;       ///< of a packed tile
    std::chrono::milliseconds budget{20};  ///< to read and encode a layer of a tile
    bool build = true;                     ///< `serve` keeps the generalised tables of low zooms
  } tiles;
  struct event_settings {
    std::chrono::milliseconds heartbeat{15000};
    std::chrono::milliseconds max_duration{0};  ///< 0: none
  } events;
  struct log_settings {
    std::string level = "info";   ///< trace, debug, info, warn, error
    std::string format = "text";  ///< text or json
    bool access = true;
    bool audit = true;
  } log;
  sync_settings sync;
  std::vector<layer_config> layers;
};

/// Where a value may come from, weakest first: the built-in gridlight.yaml, the file, the environment, flags.
/// Settings are taken one by one. The layers are taken as a whole: a file without `layers:` serves the
/// built-in ones, a file with `layers:` exactly those it lists.
struct config_sources {
  std::filesystem::path file;  ///< empty: ./gridlight.yaml if there, else the built-in
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> flags;  ///< dotted key → value, as --set and the named flags give
};

/// One parse, one validation. Fails with errc::input; detail has a line for each fault found, with file,
/// line, key, rule, and what was there. The environment's GRIDLIGHT_* must all be known: those of the table,
/// GRIDLIGHT_CONFIG (the file, when none is given), GRIDLIGHT_DATABASE_URL (postgres.uri), and the few that
/// tests read.
result<config> load_config(const config_sources& sources);
/// The same from YAML text (tests, fuzzing); `origin` names it in messages.
result<config> parse_config(std::string_view yaml, std::string_view origin,
                            const std::map<std::string, std::string>& environment = {});

/// Every setting and every key of a layer, with environment name, default, rule and meaning, for people.
std::string config_reference();
/// `settings` as YAML that parse_config reads back to the same, but for a secret, which is ***.
std::string dump(const config& settings);

}  // namespace gridlight
