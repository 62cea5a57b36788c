#pragma once

#include <span>
#include <string_view>

namespace gridlight::embedded {

/// A text file compiled into the program; both views live as long as it does.
struct file {
  std::string_view name;  ///< base name, such as "001_bookkeeping.sql"
  std::string_view text;
};

/// A file of the map page, with what it is when packed (empty: not smaller then).
struct page_file {
  std::string_view name;  ///< "index.html", "static/index-Dgbi.js"
  std::string_view tag;   ///< made of its bytes
  std::string_view plain, gzip, brotli;
};

}  // namespace gridlight::embedded
