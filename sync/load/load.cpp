#include "sync/load/load.hpp"

#include <iostream>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/load/layer_load.hpp"
#include "sync/load/replaced.hpp"
#include "sync/load/values.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;

result<void> check(const load_options& options) {
  if (options.max_errors < 0) return failure{errc::input, "--max-errors is a count of rows, 0 or more"};
  if (!options.timezone.empty() && !read_offset(options.timezone))
    return failure{errc::input, "--timezone is UTC or an offset such as +01:00, not " + options.timezone};
  return {};
}

// A session a layer: its lock goes with it.
awaitable<int> load_one(boost::asio::any_io_executor executor, const config& settings,
                        const load_options& options, load_job job) {
  auto db = co_await open_for_command(executor, settings.postgres, "load");
  if (!db) {
    print_failure("load", db.error());
    co_return exit_code::failed;
  }
  layer_load load{settings, options, std::move(job)};
  const auto done = co_await load.run(*db);
  co_await unlock(*db);
  if (!done) {
    print_failure("load", done.error());
    co_return exit_code::failed;
  }
  std::cout << load.catalog_entry() << std::flush;
  co_return exit_code::ok;
}

// For all layers at once, before the first is read.
awaitable<result<void>> ask(boost::asio::any_io_executor executor, const config& settings,
                            const load_options& options, std::vector<load_job>& jobs) {
  auto db = co_await open_for_command(executor, settings.postgres, "load");
  if (!db) co_return db.error();
  co_return co_await confirm_replacement(*db, settings, options, jobs);
}

}  // namespace

int run_load(const config& settings, const load_options& options) {
  if (const auto ok = check(options); !ok) {
    print_failure("load", ok.error());
    return exit_code::usage;
  }
  auto jobs = plan_jobs(options, settings.layers);
  if (!jobs) {
    print_failure("load", jobs.error());
    return exit_code::failed;
  }
  const auto agreed = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) { return ask(executor, settings, options, *jobs); });
  if (!agreed) {
    print_failure("load", agreed.error());
    return exit_code::failed;
  }
  int code = exit_code::ok;
  std::vector<std::string> loaded;
  for (load_job& job : *jobs) {
    const std::string layer = job.layer;
    const int one = postgres::run_blocking([&](boost::asio::any_io_executor executor) {
      return load_one(executor, settings, options, std::move(job));
    });
    if (one != exit_code::ok)
      code = one;
    else
      loaded.push_back(layer);
  }
  if (!loaded.empty()) build_after(settings, loaded, "load");
  return code;
}

}  // namespace gridlight::sync
