#include "server/http/handover.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using local = asio::local::stream_protocol;

constexpr std::size_t most_sockets = 250;  // the kernel passes 253 at once
constexpr char mark = 'L', ready = 'R';
constexpr timeval patience{5, 0};

union control_buffer {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(most_sockets * sizeof(int))];
};

failure refused(const std::string& path, std::string_view why) {
  return {errc::input, fmt::format("http.handover {}: {}", path, why)};
}

bool fits(const std::string& path, sockaddr_un& at) {
  at = {};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return false;
  std::memcpy(at.sun_path, path.data(), path.size());
  return true;
}

// A message of one byte, with room for sockets.
msghdr message_of(iovec& text, control_buffer& control, std::size_t control_size) {
  msghdr out{};
  out.msg_iov = &text;
  out.msg_iovlen = 1;
  out.msg_control = control.bytes;
  out.msg_controllen = control_size;
  return out;
}

bool send_sockets(int to, const std::vector<int>& sockets) {
  if (sockets.empty() || sockets.size() > most_sockets) return false;
  char text = mark;
  iovec data{&text, 1};
  control_buffer control{};
  const msghdr message = message_of(data, control, CMSG_SPACE(sockets.size() * sizeof(int)));
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sockets.size() * sizeof(int));
  std::memcpy(CMSG_DATA(head), sockets.data(), sockets.size() * sizeof(int));
  return ::sendmsg(to, &message, MSG_NOSIGNAL) == 1;
}

std::vector<int> receive_sockets(int from) {
  std::vector<int> out;
  char text = 0;
  iovec data{&text, 1};
  control_buffer control{};
  msghdr message = message_of(data, control, sizeof control.bytes);
  if (::recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1 || text != mark) return out;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    out.resize((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(out.data(), CMSG_DATA(head), out.size() * sizeof(int));
  }
  return out;
}

bool is_one_of_us(int connection) {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
         (who.uid == ::geteuid() || who.uid == 0);
}

std::pair<dev_t, ino_t> file_at(const std::string& path) {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? std::pair{found.st_dev, found.st_ino}
                                            : std::pair<dev_t, ino_t>{};
}

}  // namespace

takeover::takeover(takeover&& other) noexcept
    : connection_(std::exchange(other.connection_, -1)), sockets_(std::exchange(other.sockets_, {})) {}

takeover::~takeover() {
  for (const int each : sockets_)
    ::close(each);
  if (connection_ >= 0) ::close(connection_);
}

result<takeover> takeover::from(const std::string& path) {
  takeover out;
  sockaddr_un at{};
  if (!fits(path, at)) return refused(path, "the path is too long for a socket");
  out.connection_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(out.connection_, SOL_SOCKET, option, &patience, sizeof patience);
  if (::connect(out.connection_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    // Nobody there, or one who has died.
    if (errno == ENOENT || errno == ECONNREFUSED) return out;
    return refused(path, std::strerror(errno));
  }
  // Else somebody who only looks like us could have us listen where he wants.
  if (!is_one_of_us(out.connection_)) return refused(path, "another user's process offers its sockets there");
  out.sockets_ = receive_sockets(out.connection_);
  if (out.sockets_.empty()) return refused(path, "the process there handed over no sockets");
  return out;
}

void takeover::done() {
  for (const int each : std::exchange(sockets_, {}))
    ::close(each);
  if (connection_ < 0) return;
  ::send(connection_, &ready, 1, MSG_NOSIGNAL);
  ::close(std::exchange(connection_, -1));
}

struct handover::impl : std::enable_shared_from_this<handover::impl> {
  impl(const asio::any_io_executor& executor, std::function<std::vector<int>()> s, std::function<void()> t)
      : door(executor), sockets(std::move(s)), taken(std::move(t)) {}

  void accept() {
    door.async_accept([self = shared_from_this()](error_code ec, local::socket who) {
      if (ec || !self->door.is_open()) return;
      self->give(std::make_shared<local::socket>(std::move(who)));
      self->accept();
    });
  }

  // The newcomer says when it serves; should it fail before, we go on.
  void give(const std::shared_ptr<local::socket>& to) {
    if (!is_one_of_us(to->native_handle())) {
      spdlog::warn("a process of another user asked for the listening sockets; it got none");
      return;
    }
    if (!send_sockets(to->native_handle(), sockets())) return;
    spdlog::info("a new process has asked for the listening sockets");
    const auto answer = std::make_shared<std::array<char, 1>>();
    to->async_read_some(asio::buffer(*answer),
                        [self = shared_from_this(), to, answer](error_code ec, std::size_t n) {
                          if (ec || n != 1 || (*answer)[0] != ready) return;
                          if (!self->door.is_open() || std::exchange(self->gone, true)) return;
                          self->taken();
                        });
  }

  void stop() {
    error_code ignored;
    const bool open = door.is_open();
    door.close(ignored);
    // Unless it is another's by now.
    if (open && !path.empty() && file_at(path) == made) ::unlink(path.c_str());
  }

  local::acceptor door;
  std::function<std::vector<int>()> sockets;
  std::function<void()> taken;
  std::string path;
  std::pair<dev_t, ino_t> made{};
  bool gone = false;
};

handover::handover(asio::any_io_executor executor, std::function<std::vector<int>()> sockets,
                   std::function<void()> taken)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(sockets), std::move(taken))) {}

handover::~handover() {
  impl_->stop();
}

void handover::stop() {
  impl_->stop();
}

result<void> handover::offer_at(const std::string& path) {
  // Made beside it and then put in its place, so that there is always one whom a newcomer can ask.
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  sockaddr_un at{};
  if (!fits(beside, at)) return refused(path, "the path is too long for a socket");
  ::unlink(beside.c_str());
  error_code ec;
  impl_->door.open(local{}, ec);
  if (!ec) impl_->door.bind(local::endpoint{beside}, ec);
  if (!ec && ::chmod(beside.c_str(), S_IRUSR | S_IWUSR) != 0) ec = {errno, boost::system::system_category()};
  if (!ec) impl_->door.listen(8, ec);
  if (!ec && ::rename(beside.c_str(), path.c_str()) != 0) ec = {errno, boost::system::system_category()};
  if (ec) {
    ::unlink(beside.c_str());
    return refused(path, ec.message());
  }
  impl_->path = path;
  impl_->made = file_at(path);
  impl_->accept();
  return {};
}

}  // namespace gridlight::http
