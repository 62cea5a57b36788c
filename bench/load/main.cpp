// gridlight-bench: asks a server on this machine one kind of question and says how fast the answers came.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/load/runner.hpp"

using namespace gridlight;

namespace {

constexpr std::string_view text_form =
    "{:.0f} rps, p50 {:.2f} p90 {:.2f} p99 {:.2f} p99.9 {:.2f} max {:.2f} ms, {} ok, {} errors, {} bytes\n";
constexpr std::string_view json_form =
    R"({{"rps":{:.1f},"p50_ms":{:.3f},"p90_ms":{:.3f},"p99_ms":{:.3f},"p999_ms":{:.3f},"max_ms":{:.3f},)"
    R"("ok":{},"errors":{},"bytes":{}}})"
    "\n";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Load generator for gridlight"};
  bench::run_options options;
  std::string path;
  std::vector<double> area{-95.45, 29.70, -95.29, 29.82};
  double warm_up_s = 1, duration_s = 5;
  bool json = false;
  app.add_option("path", path, "path with {lon} {lat} {bbox:WIDTH}")->required();
  app.add_option("--port", options.port, "port on 127.0.0.1")->check(CLI::Range(1, 65535));
  app.add_option("--connections", options.connections, "keep-alive connections")->check(CLI::Range(1, 10000));
  app.add_option("--rate", options.rate,
                 "requests/s sent whatever the answers do; 0: each waits for its answer")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--warm-up", warm_up_s, "seconds not counted")->check(CLI::Range(0.0, 600.0));
  app.add_option("--duration", duration_s, "seconds counted")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--seed", options.seed, "seed of the random points");
  app.add_option("--area", area, "min_lon min_lat max_lon max_lat of the random points")
      ->expected(4)
      ->delimiter(',');
  app.add_flag("--json", json, "one JSON object instead of text");
  CLI11_PARSE(app, argc, argv);
  options.warm_up = std::chrono::milliseconds{static_cast<std::int64_t>(warm_up_s * 1000)};
  options.duration = std::chrono::milliseconds{static_cast<std::int64_t>(duration_s * 1000)};

  try {
    const bench::question q{path, {area[0], area[1], area[2], area[3]}};
    const bench::run_report report = bench::run(options, q);
    std::uint64_t errors = 0;
    for (const auto& [kind, n] : report.errors) {
      errors += n;
      fmt::print(stderr, "{} × {}\n", n, kind);
    }
    const auto& l = report.latency;
    fmt::print(fmt::runtime(json ? json_form : text_form), static_cast<double>(report.ok) / report.seconds,
               l.quantile_ms(0.5), l.quantile_ms(0.9), l.quantile_ms(0.99), l.quantile_ms(0.999), l.max_ms(),
               report.ok, errors, report.bytes);
    return errors == 0 && report.ok > 0 ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "gridlight-bench: {}\n", e.what());
    return 2;
  }
}
