#include "tests/support/sse_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace gridlight::test {

using std::chrono::steady_clock;

sse_client::sse_client(std::string_view address, std::string_view target, const http_headers& headers)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto port = std::stoi(std::string{address.substr(address.rfind(':') + 1)});
  connect_to(socket_, static_cast<std::uint16_t>(port));
  std::string request = "GET " + std::string{target} + " HTTP/1.1\r\nHost: h\r\n";
  for (const auto& [name, value] : headers)
    request.append(name).append(": ").append(value).append("\r\n");
  request += "\r\n";
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    throw std::runtime_error{"sse_client: send"};
  const auto until = steady_clock::now() + std::chrono::seconds{10};
  while (raw_.find("\r\n\r\n") == raw_.npos)
    if (!fill(until)) throw std::runtime_error{"sse_client: no head: " + raw_};
  const auto end = raw_.find("\r\n\r\n") + 4;
  head_ = raw_.substr(0, end);
  raw_.erase(0, end);
  if (!head_.starts_with("HTTP/1.1 200 ")) throw std::runtime_error{"sse_client: " + head_ + raw_};
}

sse_client::~sse_client() {
  ::close(socket_);
}

bool sse_client::fill(steady_clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
  pollfd readable{socket_, POLLIN, 0};
  if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) <= 0) return false;
  std::array<char, 64 * 1024> block;
  const ssize_t n = ::recv(socket_, block.data(), block.size(), 0);
  if (n <= 0) return false;
  raw_.append(block.data(), static_cast<std::size_t>(n));
  return true;
}

void sse_client::unchunk() {
  for (;;) {
    const auto line = raw_.find("\r\n");
    if (line == raw_.npos || ended_) return;
    const auto size = std::stoul(raw_.substr(0, line), nullptr, 16);
    if (raw_.size() < line + 2 + size + 2) return;
    ended_ = size == 0;
    text_ += raw_.substr(line + 2, size);
    raw_.erase(0, line + 2 + size + 2);
  }
}

sse_event sse_client::next(std::chrono::milliseconds timeout) {
  const auto until = steady_clock::now() + timeout;
  for (;;) {
    unchunk();
    for (auto end = text_.find("\n\n"); end != text_.npos; end = text_.find("\n\n")) {
      sse_event out;
      const std::string block = text_.substr(0, end + 1);
      text_.erase(0, end + 2);
      for (std::size_t at = 0; at < block.size();) {
        const auto stop = block.find('\n', at);
        const std::string line = block.substr(at, stop - at);
        at = stop + 1;
        if (line.starts_with(':')) ++comments_;
        if (line.starts_with("id: ")) id_ = line.substr(4);
        if (line.starts_with("event: ")) out.name = line.substr(7);
        if (line.starts_with("data: ")) out.data = line.substr(6);
      }
      if (!out.data.empty()) return out;
    }
    if (ended_ || !fill(until)) return {};
  }
}

sse_event sse_client::next(std::string_view name, std::string_view text, std::chrono::milliseconds timeout) {
  const auto until = steady_clock::now() + timeout;
  for (;;) {
    auto out = next(std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now()));
    if (out.name.empty() || (out.name == name && out.data.find(text) != out.data.npos)) return out;
  }
}

bool sse_client::ends_cleanly(std::chrono::milliseconds timeout) {
  const auto until = steady_clock::now() + timeout;
  while (!ended_ && steady_clock::now() < until)
    next(std::chrono::milliseconds{100});
  return ended_;
}

}  // namespace gridlight::test
