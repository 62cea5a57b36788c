#include "server/http/file_watch.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace gridlight::http {

file_watch::state file_watch::look(const std::string& path) {
  struct ::stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {static_cast<long long>(found.st_dev), static_cast<long long>(found.st_ino), found.st_size,
          found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

void file_watch::add(const std::string& path) {
  if (!path.empty()) files_.push_back({path, look(path)});
}

void file_watch::follow(const std::vector<std::string>& paths) {
  std::vector<file> before;
  before.swap(files_);
  for (const std::string& path : paths) {
    const auto known =
        std::find_if(before.begin(), before.end(), [&](const file& f) { return f.path == path; });
    if (known != before.end())
      files_.push_back(*known);
    else
      add(path);
  }
}

bool file_watch::changed() {
  bool out = false;
  for (file& f : files_) {
    const state now = look(f.path);
    out = out || now != f.seen;
    f.seen = now;
  }
  return out;
}

}  // namespace gridlight::http
