#pragma once

#include <string>

#include "tests/support/command.hpp"

namespace gridlight::test {

/// Scripts of tests/browser, which drive Debian's Chromium.
class browser_tests {
 public:
  browser_tests();

  /// False, and said in a message, when node, npm, chromium or their packages are missing, or when the
  /// program was built without its page.
  bool can_run() const;
  /// `node LINE` in that folder, for at most four minutes; with stderr.
  command_outcome run(const std::string& line) const;

 private:
  std::string folder_;
};

}  // namespace gridlight::test
