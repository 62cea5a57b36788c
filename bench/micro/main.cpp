// gridlight-micro: how long what is hot takes. bench/micro.sh runs it.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <vector>

namespace {

// A line a benchmark: the median of its repetitions as time an item, and how much they differ.
class table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    const Run* cv = named(runs, "cv");
    for (const Run& run : runs) {
      const bool single = run.run_type == Run::RT_Iteration && run.repetitions <= 1;
      if (run.error_occurred) {
        if (run.repetition_index > 0) continue;
        fmt::print("{:<34} FAILED: {}\n", run.run_name.str(), run.error_message);
        failed_ = true;
      } else if (single || run.aggregate_name == "median") {
        print(run, cv);
      }
    }
    std::fflush(stdout);
  }

  bool failed() const noexcept { return failed_; }

 private:
  static const Run* named(const std::vector<Run>& runs, std::string_view aggregate) {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Aggregate && run.aggregate_name == aggregate) return &run;
    return nullptr;
  }

  static double counter(const Run& run, const char* name) {
    const auto found = run.counters.find(name);
    return found == run.counters.end() ? 0 : found->second.value;
  }

  static void print(const Run& run, const Run* cv) {
    fmt::print("{:<34}{:>10.1f} ns a {:<8}{:>8.0f} MB/s", run.run_name.str(),
               1e9 / counter(run, "items_per_second"), run.report_label,
               counter(run, "bytes_per_second") / 1e6);
    if (cv != nullptr) fmt::print("   ±{:.1f} %", 100 * cv->cpu_accumulated_time);
    fmt::print("\n");
  }

  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  table shown;
  const std::size_t run = benchmark::RunSpecifiedBenchmarks(&shown);
  benchmark::Shutdown();
  return run > 0 && !shown.failed() ? 0 : 1;
}
