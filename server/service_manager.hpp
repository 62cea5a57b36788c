#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"

// What systemd, or another that speaks as it does, gives to a service and wants to hear of it:
// sd_listen_fds(3) and sd_notify(3), whose protocols are promised not to change.
namespace gridlight::service_manager {

/// Listening sockets that this process was started with (LISTEN_FDS, LISTEN_PID); empty: none. The variables
/// are taken out of the environment. Fails with errc::input when one is no listening TCP socket.
result<std::vector<int>> take_sockets();

/// "READY=1" and the like, several joined by line ends; nothing where nobody wants to know (NOTIFY_SOCKET).
/// Any thread.
void notify(std::string_view state);

/// "RELOADING=1" with the time that goes with it.
void notify_reloading();

/// An address and port of a bound TCP socket.
struct bound_at {
  std::string address;
  int port = 0;
};
/// Fails with errc::input when it is no listening TCP socket.
result<bound_at> look_at(int socket);

}  // namespace gridlight::service_manager
