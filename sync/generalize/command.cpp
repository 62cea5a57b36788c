#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/generalize/transaction.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using generalize::outcome;
using postgres::connection;

bool chosen_layer(const std::vector<std::string>& wanted, const std::string& name) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

// Waits for another builder of the layer; it will mostly have done our work.
awaitable<result<outcome>> build_patiently(connection& db, const layer& l, bool anew) {
  const deadline end = deadline_in(std::chrono::minutes{10});
  for (;;) {
    auto done = co_await generalize::build(db, l, anew);
    if (!done || done->what != outcome::kind::busy) co_return done;
    if (steady::now() > end)
      co_return failure{errc::conflict,
                        "the tiles of " + l.config.name + " are being built by another session"};
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor,
                                    std::chrono::milliseconds{250}};
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

void tell(const layer& l, const outcome& done, double ms) {
  std::string line = fmt::format("{}: {}", l.config.name, name(done.what));
  if (done.what == outcome::kind::built || done.what == outcome::kind::repaired)
    line += fmt::format(", {} rows, every feature from zoom {}, {:.1f} s", done.rows, done.detail, ms / 1000);
  std::cout << line << std::endl;
}

awaitable<result<bool>> is_ready(connection& db) {
  const auto ready =
      co_await db.execute("SELECT to_regclass('gridlight.tile_state') IS NOT NULL", command_deadline());
  if (!ready) co_return ready.error();
  co_return ready->text(0, 0) == "t";
}

// The first failure; the other layers are built all the same.
awaitable<result<void>> build_layers(connection& db, const config& settings, tiles_build_options options,
                                     bool quiet) {
  auto known = co_await read_catalog(db, settings.layers, command_deadline());
  if (!known) co_return known.error();
  result<void> out;
  for (const layer& l : known->layers()) {
    if (!chosen_layer(options.layers, l.config.name)) continue;
    const auto start = steady::now();
    const auto done = co_await build_patiently(db, l, options.anew);
    if (!done) {
      if (out)
        out = failure{done.error().code,
                      "tiles of " + l.config.name + ": " + done.error().detail,
                      {},
                      done.error().log_detail};
      if (db.broken()) break;
      continue;
    }
    if (!quiet || done->rows > 0) tell(l, *done, ms_since(start));
  }
  co_return out;
}

awaitable<result<void>> open_and_build(any_io_executor executor, const config& settings,
                                       tiles_build_options options, std::string command, bool quiet) {
  auto db = co_await open_for_command(executor, settings.postgres, command);
  if (!db) co_return db.error();
  const auto ready = co_await is_ready(*db);
  if (!ready) co_return ready.error();
  if (!*ready && quiet) co_return result<void>{};
  if (!*ready)
    co_return failure{errc::schema_mismatch,
                      "the database has no gridlight.tile_state: run gridlight migrate first"};
  co_return co_await build_layers(*db, settings, std::move(options), quiet);
}

}  // namespace

int run_tiles_build(const config& settings, const tiles_build_options& options) {
  constexpr std::string_view command = "tiles build";
  for (const std::string& wanted : options.layers)
    if (std::none_of(settings.layers.begin(), settings.layers.end(),
                     [&](const layer_config& l) { return l.name == wanted; })) {
      print_failure(command, {errc::input, "no layer is called " + wanted});
      return exit_code::usage;
    }
  if (options.anew)
    if (const auto agreed = confirm(
            command, "the generalised tables are made anew, which may take a minute\n", options.yes, true);
        !agreed) {
      print_failure(command, agreed.error());
      return exit_code::failed;
    }
  const auto done = postgres::run_blocking(
      [&](any_io_executor executor) { return open_and_build(executor, settings, options, "tiles", false); });
  if (done) return exit_code::ok;
  print_failure(command, done.error());
  return exit_code::failed;
}

void build_after(const config& settings, const std::vector<std::string>& layers, std::string command) {
  tiles_build_options options;
  options.layers = layers;
  for (const layer_config& l : settings.layers)
    if (chosen_layer(layers, l.snap_layer)) options.layers.push_back(l.name);
  const auto done = postgres::run_blocking(
      [&](any_io_executor executor) { return open_and_build(executor, settings, options, command, true); });
  if (!done) print_failure(command, done.error());
}

}  // namespace gridlight::sync
