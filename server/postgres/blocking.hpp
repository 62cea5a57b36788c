#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace gridlight::postgres {

/// Runs a coroutine to its end on an event loop of its own and returns its value: how commands and tests use
/// the asynchronous backend. `work` takes the loop's executor. An exception of the coroutine is rethrown
/// here.
template <class Work>
auto run_blocking(Work work) {
  using value = typename std::invoke_result_t<Work, boost::asio::any_io_executor>::value_type;
  boost::asio::io_context io{1};
  std::optional<value> out;
  std::exception_ptr error;
  boost::asio::co_spawn(io, work(boost::asio::any_io_executor{io.get_executor()}),
                        [&](std::exception_ptr e, value v) {
                          error = e;
                          if (!e) out.emplace(std::move(v));
                        });
  io.run();
  if (error) std::rethrow_exception(error);
  return std::move(*out);
}

}  // namespace gridlight::postgres
