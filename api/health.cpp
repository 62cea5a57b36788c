#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/layer_states.hpp"
#include "api/readiness.hpp"
#include "api/value_writer.hpp"
#include "geo/decimal.hpp"

namespace gridlight::api {
namespace {

http::response uncached(int status, std::string_view type, std::string body) {
  http::response out;
  out.status = status;
  out.type = type;
  out.body = std::move(body);
  out.cache_control = "no-store";
  return out;
}

std::string verdict(const readiness& r) {
  if (r.ready) return R"({"status":"ready")";
  std::string out = R"({"status":"unavailable","reason":)";
  append_json_string(out, r.reason);
  return out;
}

// What is no reason not to serve.
void append_warnings(std::string& out, const services& s, const readiness& r) {
  std::vector<std::string> all;
  if (auto limits = sum(s.pools()).limits; !limits.empty()) all.push_back(std::move(limits));
  if (!r.warning.empty()) all.push_back(r.warning);
  // Why may name files: that is for /health, which callers may be kept from.
  if (s.reloads != nullptr && s.reloads->get().last_refused)
    all.emplace_back(
        "the configuration was read anew and refused, the one before is in force; /health and the log say "
        "why");
  if (all.empty()) return;
  out += R"(,"warnings":[)";
  for (const std::string& each : all) {
    if (&each != &all.front()) out += ',';
    append_json_string(out, each);
  }
  out += ']';
}

void append_reloads(std::string& out, const services& s) {
  if (s.reloads == nullptr) return;
  const reload_status::view now = s.reloads->get();
  out += R"(,"configuration":{"reloads_applied":)" + std::to_string(now.applied) + R"(,"reloads_refused":)" +
         std::to_string(now.refused) + R"(,"last_refusal":)";
  if (now.last_refused)
    append_json_string(out, now.reason);
  else
    out += "null";
  out += R"(,"needs_restart":[)";
  for (const std::string& each : now.waiting) {
    if (&each != &now.waiting.front()) out += ',';
    append_json_string(out, each);
  }
  out += "]}";
}

http::response answer_of(const readiness& r, std::string body) {
  http::response out = uncached(r.ready ? 200 : 503, http::content_type::json, std::move(body));
  if (!r.ready) out.headers.emplace_back("Retry-After", std::to_string(r.retry_after_s));
  return out;
}

// Layers whose tables are somebody else's: their versions tell of changes late or not at all.
void append_advisory(std::string& out, const catalog* c) {
  out += R"(,"advisory_versions":[)";
  if (c != nullptr) {
    for (const layer& l : c->layers()) {
      if (l.config.mode != layer_mode::attached) continue;
      if (out.back() != '[') out += ',';
      append_json_string(out, l.config.name);
    }
  }
  out += ']';
}

void append_lanes(std::string& out, const postgres::pool_status& all) {
  out += R"(,"pool":{)";
  for (std::size_t i = 0; i < postgres::lane_count; ++i) {
    const postgres::lane_status& l = all.lanes[i];
    if (i > 0) out += ',';
    append_json_string(out, postgres::name(static_cast<postgres::lane>(i)));
    out += ":{\"open\":" + std::to_string(l.open) + ",\"busy\":" + std::to_string(l.busy) +
           ",\"waiting\":" + std::to_string(l.waiting) + ",\"exhausted\":" + std::to_string(l.exhausted) +
           ",\"connect_failures\":" + std::to_string(l.connect_failures) + "}";
  }
  out += '}';
}

void append_layers(std::string& out, const catalog* c) {
  out +=
      R"(,"layers":{"served":)" + std::to_string(c == nullptr ? 0 : c->layers().size()) + R"(,"unusable":[)";
  bool first = true;
  if (c != nullptr) {
    for (const auto& broken : c->broken()) {
      out += first ? R"({"name":)" : R"(,{"name":)";
      first = false;
      append_json_string(out, broken.name);
      out += R"(,"reason":)";
      append_json_string(out, broken.reason);
      out += '}';
    }
  }
  out += "]}";
}

void append_layer_gauges(std::string& out, const layer_states& states, const catalog* c) {
  if (c == nullptr) return;
  std::string rows, versions, lags;
  for (const layer& l : c->layers()) {
    const layer_state* const found = state_of(states, l);
    const std::string label = "{layer=\"" + l.config.name + "\"} ";
    const bool counted = found != nullptr && found->row_count;
    rows += "gridlight_layer_rows" + label + std::to_string(counted ? *found->row_count : l.estimated_rows) +
            "\n";
    if (found == nullptr) continue;
    versions += "gridlight_layer_version" + label + std::to_string(found->version) + "\n";
    if (!found->lag_s) continue;
    lags += "gridlight_layer_lag_seconds" + label;
    geo::append_decimal(lags, *found->lag_s, 3);
    lags += '\n';
  }
  const auto family = [&](std::string_view name, std::string_view help, const std::string& lines) {
    if (lines.empty()) return;
    out.append("# HELP ")
        .append(name)
        .append(" ")
        .append(help)
        .append("\n# TYPE ")
        .append(name)
        .append(" gauge\n");
    out += lines;
  };
  family("gridlight_layer_lag_seconds", "Seconds since a layer was last synced from its source.", lags);
  family("gridlight_layer_rows", "Rows of a layer.", rows);
  family("gridlight_layer_version", "Version of a layer's data.", versions);
}

}  // namespace

postgres::pool_status sum(const std::vector<postgres::pool_status>& pools) {
  postgres::pool_status out;
  for (const postgres::pool_status& p : pools) {
    for (std::size_t i = 0; i < postgres::lane_count; ++i) {
      const postgres::lane_status& from = p.lanes[i];
      postgres::lane_status& to = out.lanes[i];
      to.open += from.open;
      to.busy += from.busy;
      to.waiting += from.waiting;
      to.acquired += from.acquired;
      to.exhausted += from.exhausted;
      to.timed_out += from.timed_out;
      to.connects += from.connects;
      to.connect_failures += from.connect_failures;
    }
    if (!p.last_error.empty()) out.last_error = p.last_error;
    if (!p.limits.empty()) out.limits = p.limits;
  }
  return out;
}

void add_pool_metrics(metrics& m, std::function<std::vector<postgres::pool_status>()> pools) {
  using postgres::lane_status;
  for (std::size_t i = 0; i < postgres::lane_count; ++i) {
    const metrics::labels lane{{"lane", std::string{postgres::name(static_cast<postgres::lane>(i))}}};
    const auto read = [pools, i](auto member) {
      return [pools, i, member] { return static_cast<double>(sum(pools()).lanes[i].*member); };
    };
    m.add_gauge("gridlight_pool_connections_open", "Connections to Postgres.", lane,
                read(&lane_status::open));
    m.add_gauge("gridlight_pool_connections_busy", "Connections on loan.", lane, read(&lane_status::busy));
    m.add_gauge("gridlight_pool_waiting", "Requests that wait for a connection.", lane,
                read(&lane_status::waiting));
    m.add_counter_source("gridlight_pool_acquired_total", "Loans of connections.", lane,
                         read(&lane_status::acquired));
    m.add_counter_source("gridlight_pool_exhausted_total", "Requests that got no connection.", lane,
                         read(&lane_status::exhausted));
    m.add_counter_source("gridlight_pool_timed_out_total", "Requests whose time was up while they waited.",
                         lane, read(&lane_status::timed_out));
    m.add_counter_source("gridlight_pool_connects_total", "Connections made.", lane,
                         read(&lane_status::connects));
    m.add_counter_source("gridlight_pool_connect_failures_total", "Connections that could not be made.", lane,
                         read(&lane_status::connect_failures));
  }
}

// GET /live
answer_t live(services&, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  co_return uncached(200, http::content_type::json, R"({"status":"live"})");
}

// GET /ready
answer_t ready(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const readiness r = co_await check_readiness(s, req.until);
  std::string out = verdict(r);
  append_advisory(out, s.layers.get().get());
  append_warnings(out, s, r);
  co_return answer_of(r, out + "}");
}

// GET /health
answer_t health(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const readiness r = co_await check_readiness(s, req.until);
  std::string out = verdict(r);
  append_advisory(out, s.layers.get().get());
  append_warnings(out, s, r);
  out += R"(,"version":")" GRIDLIGHT_VERSION R"(","uptime_s":)";
  geo::append_decimal(out, ms_since(s.started) / 1000, 0);
  out += R"(,"database":{"answers":)";
  out += r.database ? "true" : "false";
  out += R"(,"ms":)";
  geo::append_decimal(out, r.database_ms, 2);
  out += R"(,"schema_version":)" + (r.schema_version ? std::to_string(*r.schema_version) : "null");
  out += R"(,"expected_schema_version":)" + std::to_string(s.schema_version) + "}";
  append_lanes(out, sum(s.pools()));
  append_layers(out, s.layers.get().get());
  append_reloads(out, s);
  co_return answer_of(r, out + "}");
}

// GET /metrics
answer_t show_metrics(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  // A database that is away costs the layers' versions, not the metrics.
  constexpr std::chrono::milliseconds patience{500};
  const auto states = co_await read_layer_states(
      s, postgres::lane::admin, std::min(req.until, deadline_in(patience)), req.timing.postgres);
  std::string out = s.counters.render();
  append_layer_gauges(out, states ? *states : layer_states{}, s.layers.get().get());
  co_return uncached(200, http::content_type::prometheus, std::move(out));
}

}  // namespace gridlight::api
