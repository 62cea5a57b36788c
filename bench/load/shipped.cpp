#include "bench/load/shipped.hpp"

#include <fstream>
#include <iterator>

#include "embedded/scenarios.hpp"

namespace gridlight::bench {
namespace {

std::string stem(std::string_view file) {
  return std::string{file.substr(0, file.rfind('.'))};
}

}  // namespace

bool names_file(std::string_view what) {
  return what.ends_with(".yaml") || what.ends_with(".yml");
}

std::vector<std::pair<std::string, std::string>> shipped_scenarios() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& f : embedded::scenarios)
    out.emplace_back(stem(f.name), read_scenario(std::string{f.text}, std::string{f.name}).about);
  return out;
}

scenario load_scenario(const std::string& what) {
  for (const auto& f : embedded::scenarios)
    if (stem(f.name) == what) {
      scenario out = read_scenario(std::string{f.text}, std::string{f.name});
      out.name = what;
      return out;
    }
  if (!names_file(what))
    throw usage_error{"there is no scenario " + what +
                      "; --list shows those there are, a file ends in .yaml"};
  std::ifstream file{what, std::ios::binary};
  if (!file) throw usage_error{"cannot read " + what};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (file.bad()) throw usage_error{"cannot read " + what};
  scenario out = read_scenario(text, what);
  out.name = stem(what.substr(what.rfind('/') + 1));
  return out;
}

}  // namespace gridlight::bench
