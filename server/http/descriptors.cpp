#include "server/http/descriptors.hpp"

#include <sys/resource.h>

#include <limits>

namespace gridlight::http {

void raise_descriptor_limit() noexcept {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

std::size_t connections_that_fit() noexcept {
  constexpr std::size_t others = 128;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::size_t>::max();
  const auto all = static_cast<std::size_t>(files.rlim_cur);
  return all > 2 * others ? all - others : all / 2;
}

}  // namespace gridlight::http
