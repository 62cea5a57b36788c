#include "tests/support/grid_load.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "tests/support/http_client.hpp"

namespace gridlight::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using reply = beast::http::response<beast::http::string_body>;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

std::vector<std::string> grid_questions() {
  const std::string layers = "/api/postgres/layers/";
  std::vector<std::string> out{"/api/postgres/substations/status", "/api/postgres/substations"};
  for (const char* place : {"lon=-95.37&lat=29.76", "lon=-95.41&lat=29.71", "lon=-95.30&lat=29.80"}) {
    out.push_back(layers + "transformers/within?radius_m=800&limit=50&" + place);
    out.push_back(layers + "buildings/within?radius_m=3000&limit=200&" + place);
    out.push_back(layers + "transformers/nearest?limit=5&" + place);
    out.push_back(layers + "assets/nearest?limit=20&" + place);
    out.push_back(layers + "meters/nearest?limit=3&f=columns&" + place);
  }
  out.push_back(layers + "power_lines/features?bbox=-95.6,29.6,-95.2,29.9&limit=100");
  out.push_back(layers + "circuits/features?limit=20");
  return out;
}

struct grid_load::impl {
  impl(const std::string& url, options o) : with(std::move(o)) {
    const auto colon = url.rfind(':');
    const auto from = url.find("://") + 3;
    server = {asio::ip::make_address(url.substr(from, colon - from)),
              static_cast<asio::ip::port_type>(std::stoi(url.substr(colon + 1)))};
    learn(url);
  }

  void learn(const std::string& url) {
    http_client client{url};
    for (const std::string& target : with.targets) {
      http_reply got = client.get(target, with.headers);
      if (got.status != 200)
        throw std::runtime_error{target + " at rest: " + std::to_string(got.status) + " " + got.body};
      expected.push_back(std::move(got.body));
    }
  }

  std::string request_for(const std::string& target) const {
    std::string text = "GET " + target + " HTTP/1.1\r\nHost: grid\r\n";
    for (const auto& [name, value] : with.headers)
      text.append(name).append(": ").append(value).append("\r\n");
    return text + "\r\n";
  }

  asio::awaitable<void> client(unsigned number) {
    std::mt19937 random{with.seed * 7919 + number};
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    asio::ip::tcp::socket socket{io};
    beast::flat_buffer buffer;
    while (!stopping) {
      if (!socket.is_open()) {
        const auto [failed] = co_await socket.async_connect(server, as_result);
        if (failed) {
          judge_failure("connect: " + failed.message());
          co_return;
        }
        buffer.clear();
      }
      const auto dice = static_cast<int>(below(100));
      const bool bad = dice < with.bad, hang_up = !bad && dice < with.bad + with.hang_ups;
      const std::size_t which = below(with.targets.size());
      const std::string text = request_for(bad ? bad_target(which) : with.targets[which]);
      const auto start = clock::now();
      const auto [unsent, written] = co_await asio::async_write(socket, asio::buffer(text), as_result);
      if (hang_up) {
        asio::steady_timer moment{io, std::chrono::milliseconds{below(30)}};
        co_await moment.async_wait(as_result);
        socket.close();
        continue;
      }
      reply got;
      const auto [lost, read] = co_await beast::http::async_read(socket, buffer, got, as_result);
      if (unsent || lost) {
        judge_failure("no answer: " + (unsent ? unsent : lost).message());
        socket.close();
      } else {
        judge(which, bad, got, std::chrono::duration<double, std::milli>(clock::now() - start).count());
        if (!got.keep_alive()) socket.close();
      }
    }
  }

  static std::string bad_target(std::size_t which) {
    static const char* const targets[] = {
        "/api/postgres/layers/transformers/within?lon=-95.37&lat=129&radius_m=5",
        "/api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.7&limit=-1",
        "/api/postgres/layers/buildings/within?lon=x&lat=29.7&radius_m=5"};
    return targets[which % std::size(targets)];
  }

  void judge(std::size_t which, bool bad, const reply& got, double ms) {
    const auto status = got.result_int();
    const std::lock_guard lock{mutex};
    now.longest_ms = std::max(now.longest_ms, ms);
    if (bad ? status == 400 : status == 200 && got.body() == expected[which]) {
      ++now.right;
    } else if (status == 503 && got.count(beast::http::field::retry_after) > 0) {
      ++now.unavailable;
      now.longest_unavailable_ms = std::max(now.longest_unavailable_ms, ms);
    } else if (now.wrong++ == 0) {
      now.first_wrong = with.targets[which] + ": " + std::to_string(status) + " after " + std::to_string(ms) +
                        " ms: " + got.body().substr(0, 300);
    }
  }
  void judge_failure(const std::string& what) {
    if (stopping) return;
    const std::lock_guard lock{mutex};
    if (now.wrong++ == 0) now.first_wrong = what;
  }

  const options with;
  asio::io_context io{1};
  asio::ip::tcp::endpoint server;
  std::vector<std::string> expected;
  std::atomic<bool> stopping{false};
  std::atomic<int> running{0};
  mutable std::mutex mutex;
  load_tally now;
  std::thread thread;
};

grid_load::grid_load(const std::string& url, options o) : impl_(std::make_unique<impl>(url, std::move(o))) {
  impl& i = *impl_;
  i.running = i.with.clients;
  for (int n = 0; n < i.with.clients; ++n)
    asio::co_spawn(i.io, i.client(static_cast<unsigned>(n)), [&i](const std::exception_ptr& e) {
      if (e) i.judge_failure("a client's exception");
      --i.running;
    });
  i.thread = std::thread{[&i] { i.io.run(); }};
}

grid_load::~grid_load() {
  stop();
}

load_tally grid_load::so_far() const {
  const std::lock_guard lock{impl_->mutex};
  return impl_->now;
}

load_tally grid_load::take() {
  const std::lock_guard lock{impl_->mutex};
  return std::exchange(impl_->now, {});
}

load_tally grid_load::stop() {
  impl& i = *impl_;
  i.stopping = true;
  const auto end = clock::now() + 15s;
  while (i.running > 0 && clock::now() < end)
    std::this_thread::sleep_for(2ms);
  if (i.thread.joinable()) {
    i.io.stop();
    i.thread.join();
    if (const int left = i.running; left > 0) {
      const std::lock_guard lock{i.mutex};
      i.now.wrong += static_cast<std::size_t>(left);
      if (i.now.first_wrong.empty()) i.now.first_wrong = "no answer at all";
    }
  }
  return so_far();
}

process_figures figures_of(pid_t pid) {
  process_figures out;
  const std::string of = "/proc/" + std::to_string(pid);
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator{of + "/fd"})
    ++out.descriptors;
  std::ifstream status{of + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) out.rss_kb = std::stoul(line.substr(6));
  return out;
}

}  // namespace gridlight::test
