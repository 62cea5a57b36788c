// A main for fuzz targets where libFuzzer is not: each input of the folder given, then mutations of them.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;

std::vector<bytes> read_inputs(const std::filesystem::path& folder) {
  std::vector<bytes> inputs{{}};
  if (!std::filesystem::is_directory(folder)) return inputs;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path(), std::ios::binary};
    inputs.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  return inputs;
}

void mutate(bytes& input, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::ptrdiff_t>(random() % n); };
  for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) {
    const auto value = static_cast<std::uint8_t>(random());
    const auto at = below(input.size() + 1);
    if (at == std::ssize(input) || random() % 4 == 0)
      input.insert(input.begin() + at, random() % 8, value);
    else if (random() % 3 == 0)
      input.erase(input.begin() + at,
                  input.begin() + at + 1 + below(input.size() - static_cast<std::size_t>(at)));
    else
      input[static_cast<std::size_t>(at)] = value;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<bytes> inputs = read_inputs(argc > 1 ? argv[1] : "");
  for (const bytes& input : inputs)
    LLVMFuzzerTestOneInput(input.data(), input.size());

  const char* chosen = std::getenv("GRIDLIGHT_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::stoull(chosen) : std::random_device{}();
  std::cout << inputs.size() << " inputs, then mutations with GRIDLIGHT_SEED=" << seed << std::endl;
  std::mt19937_64 random{seed};
  const bool soak = std::getenv("GRIDLIGHT_SOAK") != nullptr;
  const std::uint64_t count = soak ? std::numeric_limits<std::uint64_t>::max() : 20'000;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak ? 600 : 2};
  for (std::uint64_t i = 0; i < count && std::chrono::steady_clock::now() < end; ++i) {
    bytes input = inputs[random() % inputs.size()];
    mutate(input, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}
