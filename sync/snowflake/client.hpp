#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "sync/snowflake/credentials.hpp"
#include "sync/snowflake/response.hpp"

/// Snowflake's SQL API v2. Failures: errc::deadline (time was up, or the statement's own timeout),
/// shutting_down (stop()), database_unavailable (not reached, or busy beyond the budget), unauthorized,
/// forbidden, schema_mismatch (something that is not there), input (the statement or the settings),
/// internal (an answer that is none of the API's). `detail` is a sentence for people; `log_detail` begins
/// with Snowflake's code where it gave one, see is_code(). No failure holds a token.
namespace gridlight::sync::snowflake {

/// How failed attempts are repeated: pauses doubled from `first` to `longest`, each shortened at random by up
/// to a half; what they may take together, in one operation, is the budget.
struct backoff_options {
  std::chrono::milliseconds first{500}, longest{16'000}, budget{90'000};
};

struct client_options {
  std::string host;  ///< such as account_host() makes
  std::uint16_t port = 443;
  std::string ca_file;  ///< PEM of the authorities to trust; empty: the system's
  std::string user_agent = "gridlight/0.1";
  // Of every statement; names in the case in which Snowflake stores them, empty: the user's default.
  std::string database, schema, warehouse, role;
  std::string query_tag;
  /// Asks for dates and times as text, which has one reading; else they come as numbers.
  bool text_times = true;
  std::chrono::milliseconds connect_timeout{10'000};   ///< names, TCP and TLS
  std::chrono::milliseconds attempt_timeout{120'000};  ///< one request and its answer
  std::chrono::milliseconds first_poll{250}, longest_poll{5'000};
  std::chrono::milliseconds longest_told_poll{60'000};  ///< what Retry-After may make of a poll's pause
  backoff_options backoff;
  std::size_t most_answer_bytes = 256U << 20;      ///< of one answer as sent
  std::uint64_t most_unpacked_bytes = 2ULL << 30;  ///< of one partition unpacked
};

/// A value for a `?`; nothing is NULL. Decimals, dates and times are best bound as TEXT.
struct bound_value {
  std::string type = "TEXT";
  std::optional<std::string> value;
};

struct statement {
  std::string sql;
  std::vector<bound_value> values = {};
  /// After which Snowflake itself gives it up; sent rounded up to seconds. 0: until the deadline.
  std::chrono::milliseconds timeout{0};
  std::vector<std::pair<std::string, std::string>> parameters = {};  ///< beyond the client's own
  /// True: the server answers at once, and is asked for the end. False saves a short statement these
  /// questions, but while its first answer is awaited (45 s at most) it cannot be cancelled.
  bool async = true;
  int statements = 1;  ///< separated by semicolons; more than one cannot have values
};

/// The bytes of one partition, as they came.
struct partition_body {
  std::string bytes;
  bool gzip = false;
  std::uint64_t rows = 0;           ///< that it must hold
  std::uint64_t most_unpacked = 0;  ///< more is an error
};

/// A statement that has run.
struct execution {
  answer head;           ///< what it says of columns, partitions and changed rows
  partition_body first;  ///< partition 0
};

struct client_counts {
  std::uint64_t requests = 0, repeated = 0, connections = 0, bytes = 0;
};

/// Speaks for one run; connections are kept alive between its requests. All calls on the executor's thread,
/// which must run one at a time. Operations may outlive the object: they end as after stop().
class client {
 public:
  /// Fails with errc::input when the options or the CA file cannot be used.
  static result<client> make(boost::asio::any_io_executor executor, client_options options,
                             std::shared_ptr<credentials> who);
  ~client();
  client(client&&) noexcept;
  client& operator=(client&&) = delete;

  /// Submits and waits for the end. A statement that is given up (deadline, stop) is cancelled in
  /// Snowflake as soon as its handle is known; else its own timeout ends it.
  /// Whatever happens between, the server runs it at most once for each request id; 000625 (too many waiting
  /// for a lock) is tried again with a new one.
  boost::asio::awaitable<result<execution>> execute(statement s, deadline until);
  /// The result of a statement that ran before (within 24 h), or one of several in a request.
  boost::asio::awaitable<result<execution>> attach(std::string handle, deadline until);
  boost::asio::awaitable<result<partition_body>> partition(const answer& head, std::size_t n, deadline until);
  boost::asio::awaitable<result<void>> cancel(std::string handle, deadline until);

  /// Ends every operation soon (10 s while a name is resolved) with shutting_down; none can begin after it.
  void stop();
  client_counts counts() const;

  struct impl;

 private:
  explicit client(std::shared_ptr<impl> p);
  friend class partition_reader;
  std::shared_ptr<impl> impl_;
};

/// The partitions of an execution in order, fetched ahead side by side.
class partition_reader {
 public:
  /// \param ahead  how many may be in flight or waiting to be taken
  partition_reader(const client& c, execution e, std::size_t ahead, deadline until);
  ~partition_reader();  ///< what is in flight is given up
  partition_reader(partition_reader&&) noexcept;
  partition_reader& operator=(partition_reader&&) = delete;

  const answer& head() const noexcept;
  /// The next one; nothing after the last.
  boost::asio::awaitable<result<std::optional<partition_body>>> next();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// Whether Snowflake gave this code for it, such as "000625".
bool is_code(const failure& f, std::string_view code);

}  // namespace gridlight::sync::snowflake
