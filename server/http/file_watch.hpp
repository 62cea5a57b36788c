#pragma once

#include <string>
#include <vector>

namespace gridlight::http {

/// Notices that files were replaced or written, by what stat says of them. A file that is not there counts as
/// one state of it.
class file_watch {
 public:
  void add(const std::string& path);  ///< as it is now; an empty path is left out
  /// Only these from now on. One that was watched already keeps what was seen of it, so that a change since
  /// then is still noticed.
  void follow(const std::vector<std::string>& paths);
  bool empty() const noexcept { return files_.empty(); }
  bool changed();  ///< any, since the last call or add

 private:
  struct state {
    long long device = 0, inode = 0, size = -1, changed_s = 0, changed_ns = 0;
    friend bool operator==(const state&, const state&) = default;
  };
  struct file {
    std::string path;
    state seen;
  };
  static state look(const std::string& path);
  std::vector<file> files_;
};

}  // namespace gridlight::http
