#include <fmt/format.h>

#include <iterator>

#include "bench/load/report.hpp"
#include "server/log_text.hpp"

namespace gridlight::bench {
namespace {

using out_t = std::back_insert_iterator<std::string>;

constexpr std::array<double, 4> quantiles{0.5, 0.9, 0.99, 0.999};
constexpr std::array<std::string_view, 4> quantile_keys{"p50_ms", "p90_ms", "p99_ms", "p999_ms"};

std::string json_text(std::string_view text) {
  std::string out = "\"";
  log::append_escaped(out, text, log::escaping::json);
  return out += '"';
}

void row(out_t to, const tally& t, double seconds) {
  const histogram& l = t.latency;
  fmt::format_to(to, "{:<30} {:>9.1f} {:>9} {:>7}", t.name.substr(0, 30), static_cast<double>(t.ok) / seconds,
                 t.ok, t.error_count());
  for (const double q : quantiles)
    fmt::format_to(to, " {:>8.2f}", l.quantile_ms(q));
  fmt::format_to(to, " {:>8.2f} {:>9.2f}", l.max_ms(), static_cast<double>(t.bytes) / 1e6);
  for (const histogram& part : t.server)
    fmt::format_to(to, "  {:>6}",
                   part.count() == 0 ? std::string{"-"} : fmt::format("{:.2f}", part.quantile_ms(0.5)));
  fmt::format_to(to, "\n");
}

void json_tally(out_t to, const tally& t, double seconds) {
  fmt::format_to(
      to, R"({{"name":{},"rps":{:.1f},"ok":{},"unchanged":{},"bytes":{},"errors":{},"error_kinds":{{)",
      json_text(t.name), static_cast<double>(t.ok) / seconds, t.ok, t.unchanged, t.bytes, t.error_count());
  std::string_view comma;
  for (const auto& [kind, n] : t.errors) {
    fmt::format_to(to, "{}{}:{}", comma, json_text(kind), n);
    comma = ",";
  }
  fmt::format_to(to, "}}");
  for (std::size_t i = 0; i < quantiles.size(); ++i)
    fmt::format_to(to, R"(,"{}":{:.3f})", quantile_keys[i], t.latency.quantile_ms(quantiles[i]));
  fmt::format_to(to, R"(,"max_ms":{:.3f},"server":{{)", t.latency.max_ms());
  comma = "";
  for (std::size_t i = 0; i < server_parts.size(); ++i) {
    if (t.server[i].count() == 0) continue;
    fmt::format_to(to, R"({}"{}":{{"p50":{:.3f},"p99":{:.3f}}})", comma, server_parts[i],
                   t.server[i].quantile_ms(0.5), t.server[i].quantile_ms(0.99));
    comma = ",";
  }
  fmt::format_to(to, "}}}}");
}

}  // namespace

std::string live_line(const moment& m, double of_s) {
  return fmt::format(
      "{:>4.0f} of {:.0f} s   {:>7} answers/s   p50 {:>7.2f} ms   p99 {:>8.2f} ms   max {:>8.2f} ms   {} "
      "errors",
      m.at_s, of_s, m.ok, m.p50_ms, m.p99_ms, m.max_ms, m.errors);
}

std::string text_report(const run_facts& facts, const outcome& o) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} on {}: {} connections, {}, {:.1f} s counted, seed {}{}\n", facts.scenario, facts.url,
                 facts.connections, facts.pace, o.seconds_counted, facts.seed,
                 facts.places > 0 ? fmt::format(", {} places", facts.places) : std::string{});
  fmt::format_to(to,
                 "{:<30} {:>9} {:>9} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}  {:>6}  {:>6}  {:>6}  {:>6}\n",
                 "latency in ms", "rps", "right", "errors", "p50", "p90", "p99", "p99.9", "max", "MB",
                 "queue", "db", "encode", "cache");
  const double seconds = std::max(o.seconds_counted, 1e-9);
  for (const tally& t : o.kinds)
    row(to, t, seconds);
  const tally total = o.total();
  if (o.kinds.size() > 1) row(to, total, seconds);
  for (const auto& [kind, n] : total.errors)
    fmt::format_to(to, "error: {} × {}\n", n, kind);
  if (const std::string why = o.client_limit(); !why.empty())
    fmt::format_to(to, "mind: these figures tell of the client, not of the server; {}\n", why);
  if (o.interrupted) fmt::format_to(to, "interrupted: this is what was seen until then\n");
  return out;
}

std::string json_report(const run_facts& facts, const outcome& o) {
  std::string out;
  const auto to = std::back_inserter(out);
  const double seconds = std::max(o.seconds_counted, 1e-9);
  fmt::format_to(
      to,
      R"({{"scenario":{},"url":{},"started":{},"seed":{},"connections":{},"threads":{},"rate":{:g},)"
      R"("seconds":{:.3f},"interrupted":{},"client":{{"cpu_share":{:.3f},"late_p99_ms":{:.3f},"limit":{}}},)"
      R"("timeline":[)",
      json_text(facts.scenario), json_text(facts.url), json_text(facts.started), facts.seed,
      facts.connections, facts.threads, facts.rate, o.seconds_counted, o.interrupted, o.client_cpu_share,
      o.late.quantile_ms(0.99), !o.client_limit().empty());
  std::string_view comma;
  for (const moment& m : o.seconds) {
    fmt::format_to(to, R"({}[{:g},{},{},{:.3f},{:.3f},{:.3f}])", comma, m.at_s, m.ok, m.errors, m.p50_ms,
                   m.p99_ms, m.max_ms);
    comma = ",";
  }
  fmt::format_to(to, R"(],"kinds":[)");
  comma = "";
  for (const tally& t : o.kinds) {
    fmt::format_to(to, "{}", comma);
    json_tally(to, t, seconds);
    comma = ",";
  }
  fmt::format_to(to, R"(],"total":)");
  json_tally(to, o.total(), seconds);
  out += "}\n";
  return out;
}

}  // namespace gridlight::bench
