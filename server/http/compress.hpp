#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace gridlight::http {

/// Packs bodies with gzip. Keeps zlib's state from one body to the next; for one thread.
class gzip_packer {
 public:
  /// \param level  zlib's, 1…9
  explicit gzip_packer(int level);
  ~gzip_packer();
  gzip_packer(gzip_packer&&) noexcept;

  /// Replaces `out` by the packed form; false when it would not be smaller (then `out` is not to be used).
  bool pack(std::string_view body, std::string& out);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace gridlight::http
