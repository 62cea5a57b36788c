#include "tests/support/attackers.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string_view>

#include "tests/support/http_client.hpp"

namespace gridlight::test {
namespace {

using namespace std::chrono_literals;

void write(int socket, std::string_view text) {
  [[maybe_unused]] const auto n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// False when the server has closed it; a reset shows though there is more to read.
bool read_some(int socket, std::size_t most) {
  pollfd state{socket, 0, 0};
  if (::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0) return false;
  char bytes[512];
  const auto n = ::recv(socket, bytes, most, MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

}  // namespace

std::size_t open_all_descriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return static_cast<std::size_t>(files.rlim_cur);
}

attackers::attackers(std::uint16_t port, const std::vector<crowd>& crowds, std::string large_target)
    : port_(port), large_target_(std::move(large_target)) {
  for (const crowd& each : crowds)
    all_.insert(all_.end(), static_cast<std::size_t>(each.count), attacker{each.does, -1});
  thread_ = std::thread{[this] { run(); }};
}

attackers::~attackers() {
  stop_ = true;
  thread_.join();
  for (const attacker& a : all_)
    if (a.socket != -1) ::close(a.socket);
}

void attackers::wait_until_there() const {
  for (int i = 0; !there_; ++i) {
    if (i == 6000) throw std::runtime_error{"attackers: not all could connect in a minute"};
    std::this_thread::sleep_for(10ms);
  }
}

void attackers::run() {
  for (attacker& a : all_)
    if (!stop_) act(a);
  there_ = true;
  // Each once a second, a few at a time: an attacker does not come in bursts, and shall not starve who
  // measures.
  constexpr std::size_t slices = 50;
  for (std::size_t slice = 0; !stop_; slice = (slice + 1) % slices) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = slice; i < all_.size() && !stop_; i += slices)
      act(all_[i]);
    std::this_thread::sleep_until(start + std::chrono::milliseconds{1000 / slices});
  }
}

void attackers::open(attacker& a) const {
  a.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (a.socket == -1) return;
  if (a.does == kind::slow_read) {
    const int window = 1024;
    ::setsockopt(a.socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  }
  try {
    connect_to(a.socket, port_);
  } catch (const std::runtime_error&) {
    ::close(a.socket);
    a.socket = -1;
    return;
  }
  if (a.does == kind::slow_head) write(a.socket, "GET /live HTTP/1.1\r\nHost: h\r\nX-Slow: ");
  if (a.does == kind::slow_body)
    write(a.socket,
          "POST /api/postgres/layers/transformers/intersects HTTP/1.1\r\nHost: h\r\nContent-Type: "
          "application/json\r\nContent-Length: 100000\r\n\r\n{");
  if (a.does == kind::slow_read) {
    // More than the kernels' buffers hold, so that the server has to wait.
    std::string all;
    for (int i = 0; i < 400; ++i)
      all += "GET " + large_target_ + " HTTP/1.1\r\nHost: h\r\n\r\n";
    write(a.socket, all);
  }
}

void attackers::act(attacker& a) {
  if (a.socket == -1) return open(a);
  const bool reads = a.does != kind::slow_read;
  if (!read_some(a.socket, reads ? 512 : 1)) {
    ++dropped_[static_cast<std::size_t>(a.does)];
    ::close(a.socket);
    return open(a);
  }
  if (a.does == kind::slow_head || a.does == kind::slow_body) write(a.socket, "x");
}

}  // namespace gridlight::test
