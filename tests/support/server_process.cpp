#include "tests/support/server_process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace gridlight::test {
namespace {

constexpr std::string_view announcement = "listening on ";

std::map<std::string, std::string> environment_of(const server_process::options& o) {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals == text.npos || text.starts_with("GRIDLIGHT_") || text.starts_with("PG")) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  out["GRIDLIGHT_HTTP_ADDRESS"] = "127.0.0.1";
  out["GRIDLIGHT_HTTP_PORT"] = "0";
  for (const auto& [name, value] : o.environment)
    out[name] = value;
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// A warn or error line of the text format, or of the JSON one.
bool complains(std::string_view line) {
  for (const char* level : {" warn ", " error ", "\"level\":\"warn\"", "\"level\":\"error\""})
    if (line.substr(0, 80).find(level) != line.npos) return true;
  return line.find("Sanitizer") != line.npos || line.find("runtime error:") != line.npos;
}

}  // namespace

server_process::server_process(options o) : allowed_(std::move(o.allowed)) {
  start(o);
  const bool listens = wait_for_log(announcement, o.start_timeout);
  const std::string text = log();
  const auto at = text.find(announcement);
  const auto end = at == text.npos ? at : text.find_first_of(" \n\"", at + announcement.size());
  if (!listens || end == text.npos) {
    const int code = wait(std::chrono::seconds{2});
    reader_.join();
    throw std::runtime_error{"the server did not start (exit " + std::to_string(code) + "); its log:\n" +
                             log()};
  }
  url_ = text.substr(at + announcement.size(), end - at - announcement.size());
}

void server_process::start(const options& o) {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  if (binary == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
  std::vector<std::string> arguments{binary, "serve"}, environment;
  arguments.insert(arguments.end(), o.arguments.begin(), o.arguments.end());
  for (const auto& [name, value] : environment_of(o))
    environment.push_back(name + "=" + value);
  // The child alone knows its number: room for it.
  std::string listen_pid = "LISTEN_PID=0000000000";
  if (o.listening_socket >= 0) {
    environment.push_back("LISTEN_FDS=1");
    environment.push_back("");
  }
  auto argv = pointers(arguments), envp = pointers(environment);
  if (o.listening_socket >= 0) envp[envp.size() - 2] = listen_pid.data();

  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error{std::strerror(errno)};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    // Should the test die, the server is not left behind.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(pipe[1], STDERR_FILENO);
    if (o.listening_socket >= 0) {
      pid_t rest = ::getpid();
      for (auto digit = listen_pid.rbegin(); *digit != '='; ++digit, rest /= 10)
        *digit = static_cast<char>('0' + rest % 10);
      if (o.listening_socket == 3)
        ::fcntl(3, F_SETFD, 0);
      else
        ::dup2(o.listening_socket, 3);
    }
    ::execve(binary, argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  if (pid_ < 0) {
    ::close(pipe[0]);
    throw std::runtime_error{"fork failed"};
  }
  reader_ = std::thread{[this, from = pipe[0]] { read_log(from); }};
}

void server_process::read_log(int from) {
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t n = ::read(from, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    const std::lock_guard lock{mutex_};
    if (n <= 0) ended_ = true;
    if (n > 0) log_.append(block.data(), static_cast<std::size_t>(n));
    changed_.notify_all();
    if (n <= 0) break;
  }
  ::close(from);
}

server_process::~server_process() {
  const int code = stop();
  if (reader_.joinable()) reader_.join();
  check_log();
  if (code != 0 && !killed_) FAIL_CHECK("the server's exit code was " << code << "; its log:\n" << log_);
}

void server_process::check_log() {
  std::string_view rest = log_;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto fits = [&](const std::string& text) { return line.find(text) != line.npos; };
    if (complains(line) && std::none_of(allowed_.begin(), allowed_.end(), fits))
      FAIL_CHECK("unexpected in the server's log: " << std::string{line});
  }
}

std::string server_process::log() const {
  const std::lock_guard lock{mutex_};
  return log_;
}

bool server_process::wait_for_log(std::string_view text, std::chrono::milliseconds timeout,
                                  std::size_t from) const {
  std::unique_lock lock{mutex_};
  const auto there = [&] {
    const auto at = log_.find(text, from);
    return at != log_.npos && log_.find('\n', at) != log_.npos;
  };
  changed_.wait_for(lock, timeout, [&] { return there() || ended_; });
  return there();
}

void server_process::allow(std::string text) {
  allowed_.push_back(std::move(text));
}

void server_process::signal(int number) const {
  if (pid_ > 0 && exit_code_ == -1) ::kill(pid_, number);
}

int server_process::wait(std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (exit_code_ == -1) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (std::chrono::steady_clock::now() > end) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
      exit_code_ = 128 + SIGKILL;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  }
  return exit_code_;
}

void server_process::kill() {
  killed_ = true;
  signal(SIGKILL);
  wait();
}

int server_process::stop() {
  signal(SIGTERM);
  return wait();
}

}  // namespace gridlight::test
