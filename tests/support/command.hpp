#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace gridlight::test {

struct command_outcome {
  int status = 0;      ///< exit code
  std::string output;  ///< of stdout, and stderr where the command says 2>&1
};

/// Runs a line of shell and waits for it.
inline command_outcome run_command(const std::string& line) {
  std::FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error{"no shell for: " + line};
  command_outcome out;
  std::array<char, 4096> part{};
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe))
    out.output.append(part.data(), n);
  const int status = ::pclose(pipe);
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return out;
}

/// `gridlight` under test with arguments, without the settings of this process's environment.
inline command_outcome run_gridlight(const std::string& arguments) {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  if (binary == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
  return run_command("cd / && env -i PATH=/usr/bin:/bin timeout 60 '" + std::string{binary} + "' " +
                     arguments);
}

}  // namespace gridlight::test
