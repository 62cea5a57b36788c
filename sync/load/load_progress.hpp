#pragma once

#include <cstdint>
#include <string>

#include "server/deadline.hpp"

namespace gridlight::sync {

/// How far a load is, on stderr: a bar on a terminal, else a line every 5 s. Unlike sync/progress.hpp it goes
/// by bytes, since the rows of a file are not known before its end, and messages stand above it.
class load_progress {
 public:
  /// \param total_bytes  of all files as they are (packed); 0: not known
  explicit load_progress(std::uint64_t total_bytes);
  ~load_progress();
  load_progress(const load_progress&) = delete;
  load_progress& operator=(const load_progress&) = delete;

  void update(std::string_view what, std::uint64_t rows, std::uint64_t bytes);  ///< cheap when nothing is due
  void tick();                      ///< shows what was last said, when something is due
  void say(std::string_view line);  ///< a message, above the bar
  void clear();                     ///< takes the bar away

 private:
  void draw();
  std::string what_;
  std::uint64_t rows_ = 0, bytes_ = 0;
  std::uint64_t total_;
  bool terminal_, shown_ = false;
  steady::time_point start_ = steady::now(), next_;
};

}  // namespace gridlight::sync
