#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gridlight::test {

/// Clients that ask all the time, each on a kept-alive connection and a thread of its own, while a server is
/// configured anew or replaced by another on the same port. A server may close a connection between two
/// requests: that is no failure, the client opens another. All else is: a connection that is refused or
/// reset, an answer that is cut off, or one that is none of those which are right.
class keen_load {
 public:
  /// Status and body, of a problem the status alone. Right answers are learned by asking at rest.
  using answer = std::pair<int, std::string>;
  using questions = std::map<std::string, std::set<answer>>;

  struct tally {
    std::size_t right = 0, failed = 0;
    std::size_t connections = 0;  ///< made
    std::size_t closed = 0;       ///< by the server, between two requests
    std::size_t asked_again = 0;  ///< of these, when the next request was on its way already
    double longest_ms = 0;
    std::string slowest;  ///< what took so long
    std::string first_failure;
  };

  keen_load(std::uint16_t port, questions all, int clients);
  ~keen_load();
  keen_load(const keen_load&) = delete;
  keen_load& operator=(const keen_load&) = delete;

  tally stop();

  /// One question at rest. \throws std::runtime_error
  static answer ask(std::uint16_t port, const std::string& target);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

std::uint16_t port_of(const std::string& url);

}  // namespace gridlight::test
