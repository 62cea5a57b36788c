#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace gridlight::test {

/// `gridlight serve`, the real binary ($GRIDLIGHT_BINARY), on a free port of 127.0.0.1; ended by SIGTERM.
/// Its environment is this process's without GRIDLIGHT_* and PG*, so that nothing of the machine leaks in.
/// A warning or error in its log that was not allowed fails the test, as does an exit code other than 0.
class server_process {
 public:
  struct options {
    std::map<std::string, std::string> environment = {};  ///< such as GRIDLIGHT_DATABASE_URL
    std::vector<std::string> arguments = {};              ///< after `serve`
    std::vector<std::string> allowed = {};                ///< texts; a log line with one of them may warn
    std::chrono::milliseconds start_timeout = std::chrono::seconds{30};
    int listening_socket = -1;  ///< handed in as systemd does it
  };
  /// Returns when it listens. \throws std::runtime_error, with its log, when it does not
  explicit server_process(options o);
  explicit server_process(const std::string& database_url)
      : server_process(options{{{"GRIDLIGHT_DATABASE_URL", database_url}}}) {}
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  const std::string& url() const noexcept { return url_; }  ///< "http://127.0.0.1:43121"
  pid_t pid() const noexcept { return pid_; }
  std::string log() const;  ///< all of stderr so far
  /// Waits until the log holds `text`, from byte `from` on; false when it does not come in time.
  bool wait_for_log(std::string_view text, std::chrono::milliseconds timeout = std::chrono::seconds{10},
                    std::size_t from = 0) const;
  void allow(std::string text);  ///< one more allowed text
  void signal(int number) const;
  /// Waits for its end; the exit code, or 128 + the signal that ended it. Kills it after the timeout.
  int wait(std::chrono::milliseconds timeout = std::chrono::seconds{20});
  int stop();   ///< SIGTERM, then wait()
  void kill();  ///< SIGKILL, and waits; that exit code is then no fault

 private:
  void start(const options& o);
  void read_log(int from);
  void check_log();
  pid_t pid_ = -1;
  int exit_code_ = -1;
  bool killed_ = false;
  std::string url_;
  std::vector<std::string> allowed_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string log_;
  bool ended_ = false;  // of the log
  std::thread reader_;
};

}  // namespace gridlight::test
