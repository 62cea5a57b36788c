#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gridlight::http {

/// Makes request ids in ULID's form: 26 characters of Crockford's base 32, 48 bits of milliseconds since 1970
/// and 80 random bits, so that they sort by time. Not secret, not for two threads: each has its own.
class request_id_maker {
 public:
  request_id_maker();  ///< seeded by the system
  explicit request_id_maker(std::uint64_t seed) noexcept : state_(seed) {}
  std::string make();

 private:
  std::uint64_t random() noexcept;
  std::uint64_t state_;
};

/// True when a client's X-Request-ID may be taken over: 1 to 64 of [A-Za-z0-9._-].
bool acceptable_request_id(std::string_view id) noexcept;

}  // namespace gridlight::http
