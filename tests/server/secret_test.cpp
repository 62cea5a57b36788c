#include "server/secret.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <sstream>

using namespace gridlight;

TEST_CASE("a secret prints and formats as stars, whatever it holds") {
  for (const char* text : {"", "hunter2", "postgresql://u:p@h/d"}) {
    const secret s{text};
    std::ostringstream out;
    out << s;
    CHECK(out.str() == "***");
    CHECK(fmt::format("[{}] [{:>5}]", s, s) == "[***] [  ***]");
    CHECK(s.reveal() == text);
    CHECK(s.empty() == std::string_view{text}.empty());
  }
}
