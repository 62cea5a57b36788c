#include "tests/support/keen_load.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace gridlight::test {
namespace {

using clock = std::chrono::steady_clock;

// A connection that tells apart how it ended.
class line {
 public:
  explicit line(std::uint16_t port) : port_(port) {}
  ~line() { close(); }
  line(const line&) = delete;
  line& operator=(const line&) = delete;

  bool open() const noexcept { return socket_ >= 0; }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void connect() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
  }
  // The server has said that it is done, with nothing under way.
  bool has_ended() const {
    char one = 0;
    const ssize_t n = ::recv(socket_, &one, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) fail("between requests");
    return n == 0;
  }
  void send(const std::string& text) const {
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      fail("send");
  }
  // False when the server had closed before it read the request.
  bool receive(keen_load::answer& out, bool& keep) {
    std::string all;
    std::size_t head = all.npos, length = 0;
    while (head == all.npos || all.size() < head + length) {
      std::array<char, 65536> block;
      const ssize_t n = ::recv(socket_, block.data(), block.size(), 0);
      if (n < 0) fail("receive");
      if (n == 0 && all.empty()) return false;
      if (n == 0) throw std::runtime_error{"an answer was cut off after " + std::to_string(all.size())};
      all.append(block.data(), static_cast<std::size_t>(n));
      if (head != all.npos) continue;
      const auto end = all.find("\r\n\r\n");
      if (end == all.npos) continue;
      head = end + 4;
      const auto at = all.find("Content-Length: ");
      if (at < head) length = std::stoul(all.substr(at + 16, 12));
    }
    keep = all.substr(0, head).find("Connection: close") == all.npos;
    out = {std::stoi(all.substr(9, 3)), all.substr(head)};
    if (out.first >= 400) out.second.clear();  // it names the request
    return true;
  }

 private:
  [[noreturn]] static void fail(const char* when) {
    throw std::runtime_error{std::string{when} + ": " + std::strerror(errno)};
  }
  std::uint16_t port_;
  int socket_ = -1;
};

std::string request(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

}  // namespace

struct keen_load::impl {
  impl(std::uint16_t p, questions q) : port(p), all(std::move(q)) {}

  void run(std::size_t first) {
    line on{port};
    auto next = all.begin();
    std::advance(next, static_cast<std::ptrdiff_t>(first % all.size()));
    tally mine;
    while (!stopping) {
      const auto start = clock::now();
      try {
        ask(on, *next, mine);
      } catch (const std::exception& e) {
        note(mine, next->first + ": " + e.what());
        on.close();
      }
      const double ms = std::chrono::duration<double, std::milli>(clock::now() - start).count();
      if (ms > mine.longest_ms) {
        mine.longest_ms = ms;
        mine.slowest = next->first;
      }
      if (++next == all.end()) next = all.begin();
    }
    const std::lock_guard guard{lock};
    sum.right += mine.right;
    sum.failed += mine.failed;
    sum.connections += mine.connections;
    sum.closed += mine.closed;
    sum.asked_again += mine.asked_again;
    if (mine.longest_ms > sum.longest_ms) {
      sum.longest_ms = mine.longest_ms;
      sum.slowest = mine.slowest;
    }
    if (sum.first_failure.empty()) sum.first_failure = mine.first_failure;
  }

  static void note(tally& to, std::string what) {
    ++to.failed;
    if (to.first_failure.empty()) to.first_failure = std::move(what);
  }

  static void ask(line& on, const questions::value_type& what, tally& to) {
    answer got;
    bool keep = true;
    for (;;) {
      if (on.open() && on.has_ended()) {
        ++to.closed;
        on.close();
      }
      const bool used = on.open();
      if (!used) {
        on.connect();
        ++to.connections;
      }
      on.send(request(what.first));
      if (on.receive(got, keep)) break;
      if (!used) throw std::runtime_error{"a new connection was closed without an answer"};
      ++to.closed;
      ++to.asked_again;
      on.close();
    }
    if (!keep) on.close();
    if (what.second.contains(got))
      ++to.right;
    else
      note(to, what.first + ": " + std::to_string(got.first) + " " + got.second.substr(0, 300));
  }

  const std::uint16_t port;
  const questions all;
  std::atomic<bool> stopping{false};
  std::mutex lock;
  tally sum;
  std::vector<std::thread> threads;
};

keen_load::keen_load(std::uint16_t port, questions all, int clients)
    : impl_(std::make_unique<impl>(port, std::move(all))) {
  for (int i = 0; i < clients; ++i)
    impl_->threads.emplace_back([p = impl_.get(), i] { p->run(static_cast<std::size_t>(i)); });
}

keen_load::~keen_load() {
  stop();
}

keen_load::tally keen_load::stop() {
  impl_->stopping = true;
  for (auto& each : impl_->threads)
    if (each.joinable()) each.join();
  return impl_->sum;
}

keen_load::answer keen_load::ask(std::uint16_t port, const std::string& target) {
  line on{port};
  on.connect();
  on.send(request(target));
  answer out;
  bool keep = true;
  if (!on.receive(out, keep)) throw std::runtime_error{target + " was not answered"};
  return out;
}

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

}  // namespace gridlight::test
