#pragma once

#include <boost/beast/http/verb.hpp>
#include <functional>
#include <random>

#include "sync/snowflake/https.hpp"
#include "sync/snowflake/retry.hpp"

namespace gridlight::sync::snowflake {

struct client::impl : std::enable_shared_from_this<impl> {
  impl(boost::asio::any_io_executor e, client_options o, std::shared_ptr<credentials> w,
       std::shared_ptr<boost::asio::ssl::context> tls);

  /// One call of the API.
  struct request {
    call what;
    std::string target;                ///< when nothing has run yet
    std::string target_repeated = {};  ///< when it may have
    std::string body = {};             ///< of a submission
  };
  /// What came of it: done, running, submit_anew or fail.
  struct reply {
    verdict is;
    http_answer http;
    answer said;  ///< of JSON that was read
    failure refused() const { return snowflake::refused(http.status, said); }
  };

  /// Repeats the call as the table says, until it has an outcome or the budget or time is spent.
  boost::asio::awaitable<result<reply>> perform(request r, deadline until);
  boost::asio::awaitable<result<reply>> submit(const statement& s, deadline until);
  /// Asks until the statement has ended. \param first  the pause before the first question
  boost::asio::awaitable<result<reply>> await_end(std::string handle, bool ask_at_once, deadline until);
  boost::asio::awaitable<result<execution>> execute(statement s, deadline until);
  boost::asio::awaitable<result<execution>> attach(std::string handle, deadline until);
  boost::asio::awaitable<result<partition_body>> partition(std::string handle, std::size_t n,
                                                           std::uint64_t rows, deadline until);
  boost::asio::awaitable<result<void>> cancel(std::string handle, deadline until);
  /// The last thing done for a statement that is given up: one attempt, briefly, even when stopped.
  boost::asio::awaitable<void> abandon(std::string handle);

  result<http_request> make(const request& r, bool may_have_run);
  result<reply> read(call what, http_answer http) const;
  /// False when it is stopped or the time is up before the pause is over.
  boost::asio::awaitable<bool> pause(std::chrono::milliseconds time, deadline until);
  failure given_up(const std::optional<failure>& last) const;
  double random() { return std::uniform_real_distribution<double>{0, 1}(dice); }
  std::function<double()> randomness() {
    return [this] { return random(); };
  }

  client_options options;
  std::shared_ptr<credentials> who;
  https http;
  std::minstd_rand dice{std::random_device{}()};
  bool stopped = false;
  client_counts counts;
};

}  // namespace gridlight::sync::snowflake
