#pragma once

#include <span>
#include <string_view>

namespace gridlight::embedded {

/// A text file compiled into the program; both views live as long as it does.
struct file {
  std::string_view name;  ///< base name, such as "001_bookkeeping.sql"
  std::string_view text;
};

}  // namespace gridlight::embedded
