#include "server/service_manager.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fcntl.h>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

namespace gridlight::service_manager {
namespace {

constexpr int first_socket = 3;

std::optional<int> number(const char* text) {
  if (text == nullptr) return std::nullopt;
  int out = 0;
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, out);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return out;
}

int option(int socket, int name) {
  int out = 0;
  socklen_t size = sizeof out;
  return ::getsockopt(socket, SOL_SOCKET, name, &out, &size) == 0 ? out : -1;
}

}  // namespace

result<bound_at> look_at(int socket) {
  if (option(socket, SO_TYPE) != SOCK_STREAM || option(socket, SO_ACCEPTCONN) != 1)
    return failure{errc::input, "it is no listening stream socket"};
  boost::asio::ip::tcp::endpoint at;
  auto size = static_cast<socklen_t>(at.capacity());
  const int family = option(socket, SO_DOMAIN);
  if ((family != AF_INET && family != AF_INET6) || ::getsockname(socket, at.data(), &size) != 0)
    return failure{errc::input, "it is no TCP socket"};
  at.resize(size);
  return bound_at{at.address().to_string(), at.port()};
}

result<std::vector<int>> take_sockets() {
  const auto pid = number(std::getenv("LISTEN_PID")), count = number(std::getenv("LISTEN_FDS"));
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    ::unsetenv(name);
  std::vector<int> out;
  if (!pid || !count || *pid != ::getpid() || *count <= 0) return out;
  for (int socket = first_socket; socket < first_socket + *count; ++socket) {
    const auto at = look_at(socket);
    if (!at)
      return failure{errc::input,
                     fmt::format("socket {} of LISTEN_FDS cannot be served: {}", socket, at.error().detail)};
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    out.push_back(socket);
  }
  return out;
}

void notify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (*path != '/' && *path != '@')) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, path, length);
  if (*path == '@') to.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  // Who does not listen is not waited for.
  [[maybe_unused]] const auto sent = ::sendto(socket, state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&to), size);
  ::close(socket);
}

void notify_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

}  // namespace gridlight::service_manager
