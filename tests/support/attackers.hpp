#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace gridlight::test {

/// Lets this process open as many descriptors as it may; returns how many.
std::size_t open_all_descriptors();

/// Connections to a server on 127.0.0.1 that do nothing or do it slowly, all from one thread, until
/// destroyed. One that the server closes is opened again.
class attackers {
 public:
  enum class kind : std::uint8_t {
    idle,       ///< connects, and asks nothing
    slow_head,  ///< a header field's byte now and then
    slow_body,  ///< a body's byte now and then
    slow_read,  ///< asks for much through a small window, and reads a byte now and then
  };
  struct crowd {
    kind does;
    int count;
  };
  attackers(std::uint16_t port, const std::vector<crowd>& crowds, std::string large_target);
  ~attackers();
  attackers(const attackers&) = delete;
  attackers& operator=(const attackers&) = delete;

  /// Returns when each has been connected once.
  void wait_until_there() const;
  int dropped(kind which) const { return dropped_[static_cast<std::size_t>(which)]; }  ///< by the server

 private:
  struct attacker {
    kind does;
    int socket = -1;
  };
  void run();
  void open(attacker& a) const;
  void act(attacker& a);

  std::uint16_t port_;
  std::string large_target_;
  std::vector<attacker> all_;
  std::atomic<bool> stop_{false}, there_{false};
  std::atomic<int> dropped_[4]{};
  std::thread thread_;
};

}  // namespace gridlight::test
