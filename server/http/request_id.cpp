#include "server/http/request_id.hpp"

#include <algorithm>
#include <chrono>
#include <random>

namespace gridlight::http {
namespace {

constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void put(char* at, int characters, std::uint64_t bits) noexcept {
  for (int i = characters - 1; i >= 0; --i, bits >>= 5)
    at[i] = alphabet[bits & 31];
}

}  // namespace

request_id_maker::request_id_maker() {
  std::random_device device;
  state_ = (std::uint64_t{device()} << 32) ^ device();
}

// splitmix64
std::uint64_t request_id_maker::random() noexcept {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

std::string request_id_maker::make() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  std::string out(26, '0');
  put(out.data(), 10, static_cast<std::uint64_t>(ms));
  put(out.data() + 10, 8, random());
  put(out.data() + 18, 8, random());
  return out;
}

bool acceptable_request_id(std::string_view id) noexcept {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

}  // namespace gridlight::http
