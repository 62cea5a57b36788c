#include "bench/load/engine.hpp"

#include <exception>
#include <thread>

#include "bench/load/loop.hpp"

namespace gridlight::bench {

namespace asio = boost::asio;

void probe(const target& at, const scenario& s, const places& from, const run_options& options) {
  const auto addresses = resolve(at);
  asio::io_context io{1};
  std::exception_ptr failed;
  std::mt19937_64 random{options.seed};
  std::string asked;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        connection c{io, at, addresses, options.tls};
        checker check;
        for (const request_kind& k : s.kinds) {
          asked.clear();
          if (k.path.wants_tile())
            k.path.append(asked, geo::tile_at(from.ranked(0), s.maps.max_zoom));
          else
            k.path.append(asked, from, random);
          if (!c.is_open()) co_await c.open();
          const answer got = co_await c.exchange(request_head(at, k, options.head, asked, {}));
          if (const std::string fault = check.fault(got, k.expect); !fault.empty())
            throw usage_error{at.url() + asked + " is not answered as the scenario's " + k.name +
                              " expects: " + fault};
        }
      },
      [&](std::exception_ptr e) { failed = e; });
  io.run_for(std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double>(s.timeout_s * static_cast<double>(s.kinds.size()))));
  try {
    if (failed) std::rethrow_exception(failed);
  } catch (const connection_error& e) {
    throw usage_error{at.url() + " cannot be asked: " + e.what()};
  }
  if (!io.stopped()) throw usage_error{at.url() + asked + " got no answer in time"};
}

outcome run(const target& at, const scenario& s, const places& from, const run_options& options) {
  const auto addresses = resolve(at);
  const std::size_t threads = std::max<std::size_t>(1, std::min(options.threads, s.connections));
  const auto start = loop::clock::now() + std::chrono::milliseconds{20};  // all threads have begun by then
  std::vector<std::unique_ptr<loop>> loops;
  for (std::size_t i = 0; i < threads; ++i)
    loops.push_back(std::make_unique<loop>(at, s, from, options, addresses, start, i, threads));
  std::vector<std::thread> running;
  std::atomic<std::size_t> done{0};
  for (const auto& each : loops)
    running.emplace_back([&each, &done] {
      each->go();
      ++done;
    });

  outcome out;
  second_watch seconds{loops, start, options.on_second};
  while (done < threads) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    seconds.look(out.seconds);
  }
  for (std::thread& t : running)
    t.join();
  for (const request_kind& k : s.kinds)
    out.kinds.emplace_back(k.name);
  for (const auto& each : loops)
    each->add_to(out);
  return out;
}

}  // namespace gridlight::bench
