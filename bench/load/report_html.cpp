#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "bench/load/plot.hpp"
#include "bench/load/report.hpp"

namespace gridlight::bench {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5d6b7d; --rule: #d5dbe3; --paper: #ffffff; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf4; --dim: #9aa7b8; --rule: #384353; --paper: #151a21; --bad: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.about { color: var(--dim); margin-top: .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.total td { font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
svg { width: 100%; height: auto; }
.grid { stroke: var(--rule); fill: none; } .label { fill: var(--dim); font-size: 12px; } .title { fill: var(--ink); font-size: 14px; font-weight: 600; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line0 { stroke: #0072b2; } .line1 { stroke: #d55e00; } .line2 { stroke: #009e73; } .line3 { stroke: #cc79a7; } .line4 { stroke: #e69f00; } .line5 { stroke: #56b4e9; }
code { overflow-wrap: anywhere; }
)";

using out_t = std::back_insert_iterator<std::string>;

void row(out_t to, const tally& t, double seconds, std::string_view css) {
  const histogram& l = t.latency;
  fmt::format_to(to, "<tr class=\"{}\"><td>{}</td><td>{:.1f}</td><td>{}</td><td{}>{}</td>", css,
                 html_text(t.name), static_cast<double>(t.ok) / seconds, t.ok,
                 t.error_count() > 0 ? " class=\"bad\"" : "", t.error_count());
  for (const double q : {0.5, 0.9, 0.99, 0.999})
    fmt::format_to(to, "<td>{:.2f}</td>", l.quantile_ms(q));
  fmt::format_to(to, "<td>{:.2f}</td><td>{:.2f}</td></tr>\n", l.max_ms(), static_cast<double>(t.bytes) / 1e6);
}

void figures(out_t to, const outcome& o, double seconds) {
  fmt::format_to(
      to,
      "<h2>Latency by kind of request</h2><div class=\"scroll\"><table><tr><th>request</th><th>rps</th>"
      "<th>right</th><th>errors</th><th>p50 ms</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th>"
      "<th>MB</th></tr>\n");
  for (const tally& t : o.kinds)
    row(to, t, seconds, "");
  row(to, o.total(), seconds, "total");
  fmt::format_to(to, "</table></div>\n");
}

void server_figures(out_t to, const outcome& o) {
  const auto told = [](const tally& t) {
    return std::any_of(t.server.begin(), t.server.end(), [](const histogram& h) { return h.count() > 0; });
  };
  if (std::none_of(o.kinds.begin(), o.kinds.end(), told)) return;
  fmt::format_to(to,
                 "<h2>Where the server says the time went (Server-Timing, median / p99 ms)</h2>"
                 "<div class=\"scroll\"><table><tr><th>request</th>");
  for (const std::string_view part : server_parts)
    fmt::format_to(to, "<th>{}</th>", part);
  fmt::format_to(to, "</tr>\n");
  for (const tally& t : o.kinds) {
    fmt::format_to(to, "<tr><td>{}</td>", html_text(t.name));
    for (const histogram& h : t.server)
      if (h.count() == 0)
        fmt::format_to(to, "<td>–</td>");
      else
        fmt::format_to(to, "<td>{:.2f} / {:.2f}</td>", h.quantile_ms(0.5), h.quantile_ms(0.99));
    fmt::format_to(to, "</tr>\n");
  }
  fmt::format_to(to, "</table></div>\n");
}

// Percentiles by how rare they are: 90, 99, 99.9 % lie evenly.
std::string percentiles(const outcome& o) {
  std::vector<plot_line> lines;
  double most = 0;
  for (const tally& t : o.kinds) {
    if (t.latency.count() == 0) continue;
    plot_line l{t.name, {}};
    const double rarest = std::min(5.0, std::log10(static_cast<double>(t.latency.count())));
    for (double x = 0; x <= rarest + 1e-9; x += 0.05)
      l.points.emplace_back(x, t.latency.quantile_ms(1 - std::pow(10, -x)));
    most = std::max(most, rarest);
    lines.push_back(std::move(l));
  }
  if (lines.empty()) return {};
  std::vector<plot_tick> ticks;
  for (const auto& [x, text] : {std::pair{0.301, "50 %"},
                                {1.0, "90 %"},
                                {2.0, "99 %"},
                                {3.0, "99.9 %"},
                                {4.0, "99.99 %"},
                                {5.0, "99.999 %"}})
    if (x <= most + 0.01) ticks.push_back({x, text});
  return latency_plot("Latency by percentile", lines, ticks, 0, std::max(most, 0.5));
}

std::string by_time(const outcome& o) {
  if (o.seconds.size() < 2) return {};
  plot_line p50{"p50", {}}, p99{"p99", {}}, most{"max", {}};
  for (const moment& m : o.seconds) {
    p50.points.emplace_back(m.at_s, m.p50_ms);
    p99.points.emplace_back(m.at_s, m.p99_ms);
    most.points.emplace_back(m.at_s, m.max_ms);
  }
  const double end = o.seconds.back().at_s;
  std::vector<plot_tick> ticks;
  const double step = std::max(1.0, std::ceil(end / 10));
  for (double at = step; at <= end; at += step)
    ticks.push_back({at, fmt::format("{:g} s", at)});
  return latency_plot("Latency by time, warm-up and ramp included", {p50, p99, most}, ticks, 1, end);
}

}  // namespace

std::string html_report(const run_facts& facts, const outcome& o) {
  std::string out;
  const auto to = std::back_inserter(out);
  const double seconds = std::max(o.seconds_counted, 1e-9);
  fmt::format_to(to,
                 "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                 "content=\"width=device-width, initial-scale=1\"><title>{} on "
                 "{}</title><style>{}</style></head><body>\n",
                 html_text(facts.scenario), html_text(facts.url), style);
  fmt::format_to(to, "<h1>{} on {}</h1><p class=\"about\">{}</p>\n", html_text(facts.scenario),
                 html_text(facts.url), html_text(facts.about));
  fmt::format_to(
      to, "<p>{}, {} connections, {}, {:.1f} s counted, seed {}, client used {:.0f} % of a core.</p>\n",
      html_text(facts.started), facts.connections, html_text(facts.pace), o.seconds_counted, facts.seed,
      o.client_cpu_share * 100);
  if (o.interrupted)
    fmt::format_to(to, "<p class=\"bad\">Interrupted: this is what was seen until then.</p>\n");
  if (const std::string why = o.client_limit(); !why.empty())
    fmt::format_to(to, "<p class=\"bad\">These figures tell of the client, not of the server; {}.</p>\n",
                   html_text(why));
  figures(to, o, seconds);
  const tally total = o.total();
  if (!total.errors.empty()) {
    fmt::format_to(to, "<h2>Errors</h2><div class=\"scroll\"><table><tr><th>kind</th><th>count</th></tr>\n");
    for (const auto& [kind, n] : total.errors)
      fmt::format_to(to, "<tr><td>{}</td><td class=\"bad\">{}</td></tr>\n", html_text(kind), n);
    fmt::format_to(to, "</table></div>\n");
  }
  out += percentiles(o);
  out += by_time(o);
  server_figures(to, o);
  fmt::format_to(to, "<h2>Again</h2><p><code>{}</code></p></body></html>\n", html_text(facts.command));
  return out;
}

}  // namespace gridlight::bench
