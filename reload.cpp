#include "reload.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <exception>

#include "server/identity/authority.hpp"
#include "server/service_manager.hpp"

namespace gridlight {

reloader::reloader(config_sources sources, config_pointer running, take_function take, reload_status& status,
                   metrics& counters)
    : sources_(std::move(sources)), running_(std::move(running)), take_(std::move(take)), status_(status) {
  constexpr std::string_view name = "gridlight_config_reloads_total",
                             help = "Times that the configuration was read anew, by the outcome.";
  counters.add_counter_source(name, help, {{"result", "applied"}},
                              [&status] { return static_cast<double>(status.get().applied); });
  counters.add_counter_source(name, help, {{"result", "refused"}},
                              [&status] { return static_cast<double>(status.get().refused); });
  counters.add_gauge(
      "gridlight_config_last_reload_refused",
      "1 when the configuration, read anew last, was refused, so that the one before is in force.", {},
      [&status] { return status.get().last_refused ? 1.0 : 0.0; });
  counters.add_gauge("gridlight_config_waiting_for_restart",
                     "Settings that were changed in the configuration and need a restart.", {},
                     [&status] { return static_cast<double>(status.get().waiting.size()); });
  thread_ = std::thread{[this] { run(); }};
}

reloader::~reloader() {
  stop();
}

void reloader::ask() {
  const std::lock_guard guard{lock_};
  asked_ = true;
  changed_.notify_all();
}

void reloader::stop() {
  {
    const std::lock_guard guard{lock_};
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void reloader::run() {
  std::unique_lock guard{lock_};
  for (;;) {
    changed_.wait(guard, [this] { return asked_ || stopping_; });
    if (stopping_) return;
    asked_ = false;
    guard.unlock();
    service_manager::notify_reloading();
    reload();
    service_manager::notify("READY=1");
    guard.lock();
  }
}

result<config_change> reloader::read() const {
  auto next = load_config(sources_);
  if (!next) return next.error();
  auto change = compare(*running_, std::move(*next));
  if (!change) return change.error();
  if (auto why = identity::refusal_to_listen(change->merged)) return failure{errc::input, *std::move(why)};
  return change;
}

void reloader::told(const config_change& change) const {
  const auto list = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string{"nothing"} : fmt::format("{}", fmt::join(names, ", "));
  };
  if (!change.restart.empty())
    spdlog::warn("changed in the configuration, but taken only by a restart: {}", list(change.restart));
  spdlog::info("configuration read anew; changed: {}", list(change.changed));
}

void reloader::reload() {
  std::string why;
  try {
    const auto change = read();
    result<void> taken;
    config_pointer merged;
    if (change) {
      merged = std::make_shared<const config>(change->merged);
      taken = take_(*change, merged);
    }
    if (change && taken) {
      running_ = std::move(merged);
      status_.applied(change->restart);
      return told(*change);
    }
    const failure& f = change ? taken.error() : change.error();
    why = f.detail;
    if (f.code == errc::shutting_down) return;
  } catch (const std::exception& e) {
    why = e.what();
  }
  status_.refused(why);  // first: who reads the log may ask at once
  spdlog::error("the configuration was read anew and refused; the one before stays in force: {}", why);
}

}  // namespace gridlight
