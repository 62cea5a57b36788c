#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct libdeflate_compressor;

namespace gridlight::http {

/// Packs bodies with gzip. Keeps libdeflate's state from one body to the next; for one thread.
class gzip_packer {
 public:
  /// \param level  libdeflate's, 1…12
  explicit gzip_packer(int level);
  ~gzip_packer();
  gzip_packer(gzip_packer&&) noexcept;

  /// Replaces `out` by the packed form; false when it would not be smaller (then `out` is not to be used).
  bool pack(std::string_view body, std::string& out);
  /// The packed form, be it smaller or not.
  std::string pack_always(std::string_view body);

 private:
  std::size_t pack_into(std::string_view body, std::string& out, std::size_t room);

  struct free_compressor {
    void operator()(libdeflate_compressor* c) const noexcept;
  };
  std::unique_ptr<libdeflate_compressor, free_compressor> state_;
};

/// What was packed by gzip_packer; nothing when it is no gzip, or larger than `most` bytes.
std::optional<std::string> unpack_gzip(std::string_view packed, std::size_t most);

}  // namespace gridlight::http
