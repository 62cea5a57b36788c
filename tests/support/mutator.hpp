#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace gridlight::test {

/// Spoils valid requests: bytes flipped, inserted, deleted, doubled, cut; lengths, headers and values
/// changed; two requests crossed. The same seed, the same requests.
class mutator {
 public:
  mutator(std::vector<std::string> valid, std::uint64_t seed) : valid_(std::move(valid)), random_(seed) {}

  std::string next();

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  const std::string& any_valid() { return valid_[below(valid_.size())]; }
  void spoil_bytes(std::string& text);
  void spoil_line(std::string& text);
  void spoil_value(std::string& text);

  std::vector<std::string> valid_;
  std::mt19937_64 random_;
};

}  // namespace gridlight::test
