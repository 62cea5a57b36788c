#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::test {

/// A PostgreSQL cluster of a test's own, to be killed and stopped: in a folder that goes with it, on a free
/// port of a loopback address, with PostGIS. Slow to make (a few seconds). As root it belongs to user
/// postgres. It ends with the thread that started it. Signals go to the processes of this cluster by their
/// ids.
class private_cluster {
 public:
  struct options {
    std::string address = "127.0.0.1";
    std::vector<std::string> settings = {};  ///< lines of postgresql.conf
    std::string inside = {};                 ///< a command that starts it elsewhere: ip netns exec NAME
  };
  private_cluster() : private_cluster(options{}) {}
  /// \throws std::runtime_error when there is no PostgreSQL, or it does not start
  explicit private_cluster(options o);
  ~private_cluster();
  private_cluster(const private_cluster&) = delete;
  private_cluster& operator=(const private_cluster&) = delete;

  /// As superuser, over TCP, in database `postgres`, which has PostGIS.
  std::string uri() const;
  /// The same over the Unix socket, whatever befalls the network.
  std::string socket_uri() const;
  /// A value, or Postgres's error as std::runtime_error; over the socket.
  std::string value(std::string_view sql) const;

  void start();  ///< returns when it accepts connections
  /// Begins to start; `accepts` tells when it is there.
  void launch();
  bool accepts() const;
  void wait_until_accepting(std::chrono::milliseconds timeout = std::chrono::seconds{60}) const;

  pid_t postmaster() const noexcept { return postmaster_; }  ///< -1: none
  std::vector<pid_t> processes() const;                      ///< the postmaster and its children
  /// Of gridlight's connections.
  std::vector<pid_t> backends() const;

  static void wait_until_gone(pid_t pid);  ///< its parent has taken note of its end

  void kill_postmaster();  ///< SIGKILL, and what is left of its children; returns when all are gone
  void freeze();           ///< SIGSTOP to all processes
  void thaw();             ///< SIGCONT to those that were frozen

 private:
  std::string as_owner(const std::string& how, const std::string& command) const;
  void configure() const;
  options options_;
  std::filesystem::path home_;
  int port_ = 0;
  pid_t postmaster_ = -1;
  std::vector<pid_t> frozen_;
};

}  // namespace gridlight::test
