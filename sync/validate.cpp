#include <fmt/format.h>

#include <iostream>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/progress.hpp"
#include "sync/runner.hpp"
#include "sync/sync_command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;

constexpr auto row = "{:<24} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}  {:<16} {:<16} {}\n";

struct job {
  const config& settings;
  std::vector<const table_plan*> plans;
  bool all_same = true;

  awaitable<result<void>> work(any_io_executor executor) {
    runner runs{executor, settings};
    std::cout << fmt::format(row, "table", "source", "here", "missing", "differing", "extra", "rejected",
                             "checksum there", "checksum here", "");
    for (const table_plan* plan : plans) {
      if (!plan->pulls()) {
        std::cout << fmt::format("{:<24} is pushed to {}: not compared\n", plan->name(), plan->config.target);
        continue;
      }
      run_options how;
      how.full = how.dry_run = how.checksums = true;
      const auto out = co_await runs.run(*plan, std::move(how));
      if (!out) {
        all_same = false;
        std::cout << fmt::format("{:<24} {}\n", plan->name(), out.error().detail);
        continue;
      }
      // What cannot be stored is of the source, and not here.
      const bool same = out->inserted + out->updated + out->deleted + out->rejected == 0;
      all_same = all_same && same;
      std::cout << fmt::format(row, plan->name(), grouped(out->read), grouped(out->final_count),
                               grouped(out->inserted), grouped(out->updated), grouped(out->deleted),
                               grouped(out->rejected), out->source_checksum, out->live_checksum,
                               same ? "same" : "DIFFERS")
                << std::flush;
    }
    co_return result<void>{};
  }
};

}  // namespace

int run_sync_validate(const config& settings, const std::string& table) {
  const auto refuse = [](const failure& f, int code) {
    print_failure("sync validate", f);
    return code;
  };
  const auto plans = make_plans(settings);
  if (!plans) return refuse(plans.error(), exit_code::usage);
  job j{settings, {}};
  if (table.empty()) {
    for (const table_plan& p : *plans)
      j.plans.push_back(&p);
    if (j.plans.empty()) return refuse(find_plan(*plans, "").error(), exit_code::usage);
  } else {
    const auto one = find_plan(*plans, table);
    if (!one) return refuse(one.error(), exit_code::usage);
    if (!(*one)->pulls())
      return refuse({errc::input, (*one)->name() + " is pushed to " + (*one)->config.target +
                                      ": what is there is not compared, only tables that are read are"},
                    exit_code::usage);
    j.plans.push_back(*one);
  }
  const auto done = postgres::run_blocking([&](any_io_executor executor) { return j.work(executor); });
  if (!done) return refuse(done.error(), exit_code::failed);
  return j.all_same ? exit_code::ok : exit_code::failed;
}

}  // namespace gridlight::sync
