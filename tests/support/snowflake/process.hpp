#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace gridlight::test {

/// The executable `snowflake-emulator`, which stands beside the gridlight under test; ended by SIGTERM.
/// What it prints, "port 41234" and the like, is told by name.
class emulator_process {
 public:
  /// Returns when it listens. \throws std::runtime_error, with what it said, when it does not
  explicit emulator_process(std::vector<std::string> arguments);
  ~emulator_process();
  emulator_process(const emulator_process&) = delete;
  emulator_process& operator=(const emulator_process&) = delete;

  const std::string& operator[](const std::string& name) const { return told_.at(name); }
  int stop();  ///< its exit code, or 128 + the signal that ended it

 private:
  pid_t pid_ = -1;
  std::map<std::string, std::string> told_;
};

}  // namespace gridlight::test
