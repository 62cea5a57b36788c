#pragma once

#include <fmt/core.h>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace gridlight {

/// Text that must never be seen: prints and formats as `***`. `reveal()` is for the one call that needs it.
class secret {
 public:
  secret() = default;
  explicit secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  friend bool operator==(const secret&, const secret&) = default;

 private:
  std::string text_;
};

inline std::ostream& operator<<(std::ostream& out, const secret&) {
  return out << "***";
}

}  // namespace gridlight

template <>
struct fmt::formatter<gridlight::secret> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const gridlight::secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
