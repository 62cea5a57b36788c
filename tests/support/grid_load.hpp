#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gridlight::test {

/// Lookups of all kinds on the demo grid, as targets.
std::vector<std::string> grid_questions();

/// What became of a load's requests.
struct load_tally {
  std::size_t right = 0;        ///< 200, and byte for byte what was answered at rest
  std::size_t unavailable = 0;  ///< 503 with Retry-After
  std::size_t wrong = 0;        ///< anything else
  std::string first_wrong;      ///< what it was
  double longest_ms = 0, longest_unavailable_ms = 0;
};

/// Clients that ask all the time, on kept-alive connections, from a thread of their own. What is right is
/// learned by asking each question once, at rest.
class grid_load {
 public:
  struct options {
    std::vector<std::string> targets = grid_questions();
    int clients = 8;
    unsigned seed = 1;
    std::vector<std::pair<std::string, std::string>> headers = {};
    /// Of a hundred requests, so many are wrong ones (400 is right), and so many clients hang up.
    int bad = 0, hang_ups = 0;
  };
  /// \throws std::runtime_error when a question is not answered at rest
  grid_load(const std::string& url, options o);
  ~grid_load();
  grid_load(const grid_load&) = delete;
  grid_load& operator=(const grid_load&) = delete;

  load_tally so_far() const;
  load_tally take();  ///< so_far(), and counts from zero
  /// No more requests; those without an answer after 15 s are wrong ones.
  load_tally stop();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What a process holds.
struct process_figures {
  std::size_t descriptors = 0, rss_kb = 0;
};
process_figures figures_of(pid_t pid);

}  // namespace gridlight::test
