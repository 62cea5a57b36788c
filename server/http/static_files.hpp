#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "server/embedded.hpp"
#include "server/http/response.hpp"

namespace gridlight::http {

/// The media type that the ending of a file's name stands for; application/octet-stream for others.
std::string_view type_of_file(std::string_view name) noexcept;

/// Files compiled into the program, as answers, in all codings that were made when it was built. Read-only
/// after its construction; for all threads.
class static_files {
 public:
  explicit static_files(std::span<const embedded::page_file> files);

  /// The answer with the file of this name, such as "static/index-Dgbi.js", to be copied; nullptr: there is
  /// none. Caches ask for it again each time, by its tag.
  const response* find(std::string_view name) const;

 private:
  std::map<std::string, response, std::less<>> answers_;
};

}  // namespace gridlight::http
