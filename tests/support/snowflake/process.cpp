#include "tests/support/snowflake/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace gridlight::test {
namespace {

std::string beside_gridlight() {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  if (binary == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
  return (std::filesystem::path{binary}.parent_path() / "snowflake-emulator").string();
}

pid_t start(std::vector<std::string> words, int output) {
  std::vector<char*> arguments;
  for (std::string& w : words)
    arguments.push_back(w.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

emulator_process::emulator_process(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), beside_gridlight());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
  pid_ = start(std::move(arguments), ends[1]);
  ::close(ends[1]);
  std::FILE* output = ::fdopen(ends[0], "r");
  std::string all;
  char line[4096];
  bool ready = false;
  while (!ready && std::fgets(line, sizeof line, output) != nullptr) {
    const std::string text{line};
    all += text;
    const auto blank = text.find(' '), value = text.find_first_not_of(' ', blank);
    ready = text == "ready\n";
    if (!ready && blank != std::string::npos)
      told_[text.substr(0, blank)] = text.substr(value, text.size() - value - 1);
  }
  std::fclose(output);
  if (ready) return;
  stop();
  throw std::runtime_error{"snowflake-emulator does not start: " + all};
}

emulator_process::~emulator_process() {
  stop();
}

int emulator_process::stop() {
  if (pid_ <= 0) return 0;
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gridlight::test
