#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gridlight::identity {

/// What a caller may do. None includes another: a token that reads personal data has read and personal.
enum class scope : std::uint8_t {
  read = 1,      ///< ask for what is not personal
  write = 2,     ///< change data
  personal = 4,  ///< see personal columns and exact places
};
std::string_view name(scope s) noexcept;
std::optional<scope> scope_named(std::string_view name) noexcept;

/// A set of scopes.
class scopes {
 public:
  constexpr scopes() = default;
  constexpr scopes(scope s) : bits_(static_cast<std::uint8_t>(s)) {}
  constexpr bool has(scope s) const noexcept { return (bits_ & static_cast<std::uint8_t>(s)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr void add(scope s) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | static_cast<std::uint8_t>(s));
  }
  friend constexpr bool operator==(scopes, scopes) = default;

 private:
  std::uint8_t bits_ = 0;
};

/// Who asks. Without a token and a user: an anonymous caller.
struct caller {
  std::string token;  ///< its name, never its text
  std::string user;   ///< whom a trusted ingress named
  scopes allowed = scope::read;
  bool priority = false;

  bool anonymous() const noexcept { return token.empty() && user.empty(); }
};

}  // namespace gridlight::identity
