#include "tests/support/toy_server.hpp"

#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

namespace gridlight::test {
namespace {

using boost::asio::awaitable;
using boost::beast::http::verb;
using answer = result<http::response>;

http::response text(std::string body) {
  http::response out;
  out.type = http::content_type::text;
  out.body = std::move(body);
  return out;
}

answer echo_path(http::request& req) {
  std::string out = req.path_values[0] + "|" + req.path_values[1];
  for (const auto& q : req.query)
    out += "|" + q.name + "=" + q.value;
  return text(out);
}

answer tagged(http::request&) {
  auto out = text(std::string(5000, 'y'));
  out.etag = "v17";
  out.headers.emplace_back("Gridlight-Version", "transformers=17");
  return out;
}

answer empty(http::request&) {
  auto out = text("");
  out.status = 204;
  return out;
}

answer inject(http::request&) {
  auto out = text("x");
  out.headers.emplace_back("X-A", "1\r\nX-B: 2");
  return out;
}

awaitable<answer> echo_body(http::request& req) {
  auto out = text(req.body);
  const bool evil = req.headers.find("X-Evil") != req.headers.end();
  out.headers.emplace_back("X-Saw-Evil", evil ? "yes" : "no");
  co_return out;
}

awaitable<answer> slow(http::request& req) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor,
                                  std::chrono::milliseconds{std::stol(req.query.at(0).value)}};
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return text("slow");
}

// So many texts of a size, one each time; all at once when the time is 0.
struct ticker : http::stream {
  ticker(const boost::asio::any_io_executor& executor, long n, std::size_t size, std::chrono::milliseconds t)
      : timer(executor), left(n), text(http::make_chunk(std::string(size, 'z'))), every(t) {}
  void start(const std::shared_ptr<ticker>& self) {
    for (; every.count() == 0 && left > 0; --left)
      send(text);
    tick(self);
  }
  void tick(const std::weak_ptr<ticker>& self) {
    if (left == 0) return end();
    timer.expires_after(every);
    timer.async_wait([self](boost::system::error_code) {
      const auto still = self.lock();
      if (!still || !still->open()) return;
      still->send(still->text);
      --still->left;
      still->tick(self);
    });
  }
  boost::asio::steady_timer timer;
  long left;
  http::chunk_pointer text;
  std::chrono::milliseconds every;
};

awaitable<answer> stream(http::request& req) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const long count = std::stol(req.query.at(0).value);
  auto out = std::make_shared<ticker>(executor, count == 0 ? -1 : count, std::stoul(req.query.at(1).value),
                                      std::chrono::milliseconds{std::stol(req.query.at(2).value)});
  out->start(out);
  http::response res;
  res.type = http::content_type::events;
  res.cache_control = "no-store";
  res.live = std::move(out);
  co_return res;
}

struct toy_worker : http::worker {
  template <class Make>
  void get(const char* pattern, Make make) {
    routes.add(
        {verb::get, pattern, [make](http::request& req) -> awaitable<answer> { co_return make(req); }, 0});
  }
  toy_worker() {
    ++toy_server::workers_alive;
    get("/hello", [](http::request&) { return text("hello"); });
    get("/echo/{a}/{b}", echo_path);
    get("/bytes",
        [](http::request& req) { return text(std::string(std::stoul(req.query.at(0).value), 'x')); });
    get("/tagged", tagged);
    get("/empty", empty);
    get("/inject", inject);
    get("/throw", [](http::request&) -> answer { throw std::runtime_error{"secret words"}; });
    get("/fail", [](http::request&) -> answer {
      return failure{errc::pool_exhausted, "all busy", "", "secret words"};
    });
    routes.add({verb::get, "/slow", slow, 0});
    routes.add({verb::get, "/stream", stream, 0});
    routes.add({verb::get, "/always", [](http::request&) -> awaitable<answer> { co_return text("always"); },
                0, identity::access::read, true});
    routes.add({verb::post, "/echo", echo_body, 100'000});
  }
  ~toy_worker() override { --toy_server::workers_alive; }
  awaitable<void> stop() override {
    ++toy_server::workers_stopped;
    co_return;
  }
};

}  // namespace

std::atomic<int> toy_server::workers_alive{0}, toy_server::workers_stopped{0};

config::http_settings quick_settings() {
  config::http_settings out;
  out.port = 0;
  out.threads = 2;
  out.drain_timeout = std::chrono::seconds{5};
  return out;
}

toy_server::toy_server(const config::http_settings& settings, http::tls_keeper* tls)
    : server_(settings, metrics_, nullptr, tls) {
  REQUIRE(server_.listen().has_value());
  thread_ = std::thread{[this] {
    const auto make = [](boost::asio::any_io_executor, std::size_t) {
      return std::make_unique<toy_worker>();
    };
    ok_ = server_.run(make).has_value();
  }};
}

toy_server::~toy_server() {
  stop();
  CHECK(ok_);
}

void toy_server::stop() {
  server_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace gridlight::test
