// gridlight-bench: loads a server as a scenario says and tells how it bore it. Composition only.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <ctime>
#include <fstream>

#include "bench/load/capacity.hpp"
#include "bench/load/report.hpp"
#include "bench/load/shipped.hpp"

using namespace gridlight::bench;

namespace {

std::atomic<bool> stop{false};

struct command_line {
  std::string what, url = "http://127.0.0.1:8080", ca, json_file, html_file, p99 = "20ms";
  int port = 0;
  std::optional<double> rate;
  std::optional<std::size_t> connections;
  std::string warm_up, duration, ramp, timeout;
  std::vector<double> area;
  std::vector<std::string> headers;
  std::size_t threads = 1;
  std::uint64_t seed = 1;
  bool json = false, list = false, find_max = false, insecure = false, no_probe = false, quiet = false;
  std::string all;  ///< as typed
};

void declare(CLI::App& app, command_line& c) {
  app.add_option(
      "scenario", c.what,
      "a shipped scenario's name, a .yaml file, or a path with {lon} {lat} {bbox:WIDTH} {tile:ZOOM}");
  app.add_flag("--list", c.list, "the shipped scenarios");
  app.add_option("--url", c.url, "the server")->capture_default_str();
  app.add_option("--port", c.port, "short for --url http://127.0.0.1:PORT")->check(CLI::Range(1, 65535));
  app.add_option("--connections", c.connections, "keep-alive connections, 1 to 10000")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--rate", c.rate, "requests/s of the mix, sent whatever the answers do; 0: closed loop")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--ramp", c.ramp, "time in which rate and connections grow, not counted");
  app.add_option("--warm-up", c.warm_up, "time not counted");
  app.add_option("--duration", c.duration, "time counted");
  app.add_option("--timeout", c.timeout, "how long an answer may take before it is an error");
  app.add_option("--threads", c.threads, "of the client")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--seed", c.seed, "of everything random")->capture_default_str();
  app.add_option("--area", c.area,
                 "min_lon,min_lat,max_lon,max_lat of the random points, instead of the assets' places")
      ->expected(4)
      ->delimiter(',');
  app.add_option("--header", c.headers, "for every request, as 'Name: value'")->type_name("LINE");
  app.add_option("--ca", c.ca, "file of the authorities whose certificates are trusted")
      ->check(CLI::ExistingFile);
  app.add_flag("--insecure", c.insecure, "trust any certificate");
  app.add_flag("--no-probe", c.no_probe,
               "load the server even when it does not answer as the scenario expects");
  app.add_flag("--json", c.json, "one JSON object on standard output instead of the table");
  app.add_option("--json-file", c.json_file, "write that object to a file");
  app.add_option("--html", c.html_file, "write a page with plots to a file");
  app.add_flag("--quiet", c.quiet, "no live line a second");
  app.add_flag("--find-max", c.find_max, "search the highest rate whose p99 stays under --p99");
  app.add_option("--p99", c.p99, "for --find-max")->capture_default_str();
}

scenario chosen(const command_line& c) {
  scenario s =
      c.what.starts_with('/') && !names_file(c.what) ? scenario_of_path(c.what) : load_scenario(c.what);
  if (c.rate) s.rate = *c.rate;
  if (s.rate == 0 && !s.mix.empty() && (!s.polls.empty() || s.maps.users > 0))
    throw usage_error{"--rate 0: with polls or maps the mix needs a rate"};
  if (c.connections) s.connections = *c.connections;
  const auto time = [](const std::string& text, std::string_view option, double& value, double least) {
    if (text.empty()) return;
    value = parse_seconds(text, option);
    if (value < least || value > 3600)
      throw usage_error{fmt::format("{} is {}; it must be {} to 3600 s", option, text, least)};
  };
  time(c.ramp, "--ramp", s.ramp_s, 0);
  time(c.warm_up, "--warm-up", s.warm_up_s, 0);
  time(c.duration, "--duration", s.duration_s, 0.1);
  time(c.timeout, "--timeout", s.timeout_s, 0.01);
  if (c.area.size() == 4) {
    s.area = gridlight::geo::bbox{c.area[0], c.area[1], c.area[2], c.area[3]};
    s.layers.clear();
  } else if (s.layers.empty() && !s.area) {
    s.layers = {"transformers"};
  }
  return s;
}

std::string now_utc() {
  const std::time_t t = std::time(nullptr);
  char text[32];
  std::tm utc{};
  gmtime_r(&t, &utc);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string pace_of(const scenario& s) {
  std::string out;
  if (!s.mix.empty())
    out = s.rate > 0 ? fmt::format("{:g} requests/s whatever the answers do", s.rate)
                     : std::string{"each asks when it has its answer"};
  for (const poll_part& p : s.polls)
    out += fmt::format("{}{} users who poll every {:g} s", out.empty() ? "" : ", ", p.users, p.every_s);
  if (s.maps.users > 0) out += fmt::format("{}{} people at maps", out.empty() ? "" : ", ", s.maps.users);
  return out;
}

std::string head_of(const command_line& c) {
  std::string out;
  for (const std::string& line : c.headers) {
    if (line.find(": ") == line.npos || line.find_first_of("\r\n") != line.npos)
      throw usage_error{"--header must look like 'Name: value'"};
    out += line + "\r\n";
  }
  return out;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  if (!file.flush()) throw usage_error{"cannot write " + path};
}

int report(const command_line& c, const run_facts& facts, const outcome& o) {
  fmt::print("{}", c.json ? json_report(facts, o) : text_report(facts, o));
  if (!c.json_file.empty()) write_file(c.json_file, json_report(facts, o));
  if (!c.html_file.empty()) write_file(c.html_file, html_report(facts, o));
  if (o.interrupted) return 130;
  const tally total = o.total();
  return total.error_count() == 0 && total.ok > 0 ? 0 : 1;
}

int search(const command_line& c, const target& at, scenario s, const places& from,
           const run_options& options) {
  if (s.mix.empty())
    throw usage_error{"--find-max needs a scenario with a mix: it is the mix's rate that is searched"};
  const double p99_ms = parse_seconds(c.p99, "--p99") * 1000;
  const capacity found = find_capacity(
      s.rate > 0 ? s.rate : 100, p99_ms,
      [&](double rate) {
        s.rate = rate;
        return run(at, s, from, options);
      },
      [&](const trial& t) {
        fmt::print(stderr, "{:>9.0f} requests/s: p99 {:>8.2f} ms, {} errors: {}{}\n", t.rate, t.p99_ms,
                   t.errors, t.held ? "holds" : "does not hold",
                   t.client_was_limit ? " (the client was the limit)" : "");
      });
  if (c.json)
    fmt::print(R"({{"scenario":"{}","p99_ms":{:g},"max_rate":{:.1f},"client_limit":{},"trials":{}}})"
               "\n",
               s.name, p99_ms, found.rate, found.client_was_limit, found.trials.size());
  else
    fmt::print("{} holds p99 {:g} ms up to {:.0f} requests/s{}\n", s.name, p99_ms, found.rate,
               found.client_was_limit ? "; beyond, this client was the limit" : "");
  if (found.interrupted) return 130;
  return found.rate > 0 ? 0 : 1;
}

int execute(const command_line& c) {
  if (c.list) {
    for (const auto& [name, about] : shipped_scenarios())
      fmt::print("{:<14} {}\n", name, about);
    return 0;
  }
  if (c.what.empty())
    throw usage_error{"what is to be asked? --list shows the shipped scenarios, --help the rest"};
  const target at = parse_target(c.port > 0 ? fmt::format("http://127.0.0.1:{}", c.port) : c.url);
  const scenario s = chosen(c);
  std::optional<boost::asio::ssl::context> tls;
  if (at.tls) tls.emplace(make_tls(c.ca, c.insecure));
  run_options options{
      .threads = c.threads, .seed = c.seed, .head = head_of(c), .tls = tls ? &*tls : nullptr, .stop = &stop};
  const places from = !s.wants_places() || s.area ? places::in_area(s.area.value_or(gridlight::geo::bbox{}))
                                                  : places::of_layers(at, options.tls, options.head, s.layers,
                                                                      s.most_places, s.spread_m, c.seed);
  if (!c.no_probe) probe(at, s, from, options);
  if (c.find_max) return search(c, at, s, from, options);
  const bool live = !c.quiet && ::isatty(STDERR_FILENO) != 0;
  const double all_s = s.ramp_s + s.warm_up_s + s.duration_s;
  if (live)
    options.on_second = [all_s](const moment& m) { fmt::print(stderr, "\r\x1b[K{}", live_line(m, all_s)); };
  const run_facts facts{.url = at.url(),
                        .scenario = s.name,
                        .about = s.about,
                        .command = c.all,
                        .pace = pace_of(s),
                        .connections = s.connections,
                        .threads = c.threads,
                        .rate = s.rate,
                        .seed = c.seed,
                        .places = from.count(),
                        .started = now_utc()};
  const outcome o = run(at, s, from, options);
  if (live) fmt::print(stderr, "\r\x1b[K");
  return report(c, facts, o);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Load generator for gridlight"};
  command_line c;
  declare(app, c);
  CLI11_PARSE(app, argc, argv);
  for (int i = 0; i < argc; ++i)
    c.all += (i == 0 ? "gridlight-bench" : fmt::format(" '{}'", argv[i]));
  // A second Ctrl-C ends it without a report.
  struct sigaction on_signal {};
  on_signal.sa_handler = [](int) { stop = true; };
  on_signal.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &on_signal, nullptr);
  ::sigaction(SIGTERM, &on_signal, nullptr);
  try {
    return execute(c);
  } catch (const std::exception& e) {
    fmt::print(stderr, "gridlight-bench: {}\n", e.what());
    return 2;
  }
}
