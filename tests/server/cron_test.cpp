#include "server/cron.hpp"

#include <doctest/doctest.h>

using gridlight::cron_line;
using namespace std::chrono;

namespace {

local_seconds at(int y, unsigned m, unsigned d, int hour = 0, int minute = 0, int second = 0) {
  return local_days{year{y} / month{m} / day{d}} + hours{hour} + minutes{minute} + seconds{second};
}

}  // namespace

TEST_CASE("cron: the next minute that fits") {
  const auto next = [](std::string_view line, local_seconds t) { return *cron_line::read(line)->next(t); };
  CHECK(next("* * * * *", at(2026, 1, 1, 0, 0, 30)) == at(2026, 1, 1, 0, 1));
  CHECK(next("0 4 * * *", at(2026, 1, 31, 4, 0)) == at(2026, 2, 1, 4, 0));
  CHECK(next("0 4 * * *", at(2026, 1, 31, 3, 59, 59)) == at(2026, 1, 31, 4, 0));
  CHECK(next("*/15 9-17 * * 1-5", at(2026, 1, 2, 17, 45)) == at(2026, 1, 5, 9, 0));  // a Friday
  CHECK(next("5,35 * * * *", at(2026, 1, 1, 0, 5)) == at(2026, 1, 1, 0, 35));
  CHECK(next("0 0 29 2 *", at(2026, 1, 1)) == at(2028, 2, 29));
  CHECK(next("0 0 * * 7", at(2026, 1, 1)) == at(2026, 1, 4));
  CHECK(next("0 0 13 * 5", at(2026, 1, 10)) == at(2026, 1, 13));  // either day will do
  CHECK(next("0 0 13 * 5", at(2026, 1, 13)) == at(2026, 1, 16));
  CHECK(next("10/20 * * * *", at(2026, 1, 1)) == at(2026, 1, 1, 0, 10));
  CHECK_FALSE(cron_line::read("0 0 31 2 *")->next(at(2026, 1, 1)));
}

TEST_CASE("cron: the longest pause between two minutes that fit") {
  const auto pause = [](std::string_view line) { return *cron_line::read(line)->longest_pause(); };
  CHECK(pause("* * * * *") == minutes{1});
  CHECK(pause("*/5 * * * *") == minutes{5});
  CHECK(pause("*/7 * * * *") == minutes{7});  // and 4 over the hour
  CHECK(pause("10 * * * *") == hours{1});
  CHECK(pause("0 4 * * *") == hours{24});
  CHECK(pause("0 4,9 * * *") == hours{19});
  CHECK(pause("*/15 9-17 * * 1-5") == hours{63} + minutes{15});  // over a weekend
  CHECK(pause("0 0 * * 7") == days{7});
  CHECK(pause("0 0 1 * *") == days{31});
  CHECK(pause("0 0 29 2 *") == days{4 * 365 + 1});
  CHECK_FALSE(cron_line::read("0 0 31 2 *")->longest_pause());
}

TEST_CASE("cron: what is no cron line") {
  for (const char* text :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "a * * * *", "5m", "1,, * * * *"}) {
    INFO(text);
    CHECK_FALSE(cron_line::read(text));
  }
}
