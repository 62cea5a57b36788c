#include "api/cursor.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace gridlight::api;

TEST_CASE("a cursor gives back its key, for its question alone") {
  const unsigned seed = 20261120;
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> key(1 + random() % 3);
    for (std::string& part : key)
      for (std::size_t n = random() % 20; n > 0; --n)
        part += static_cast<char>(random() % 256);
    const std::uint64_t question = random();
    const std::string cursor = make_cursor(question, key);
    CHECK(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          cursor.npos);
    CHECK(read_cursor(cursor, question, key.size()) == key);
    CHECK_FALSE(read_cursor(cursor, question + 1, key.size()).has_value());
    CHECK_FALSE(read_cursor(cursor, question, key.size() + 1).has_value());
    std::string altered = cursor;
    char& c = altered[random() % altered.size()];
    c = c == 'x' ? 'y' : 'x';
    CHECK_FALSE(read_cursor(altered, question, key.size()).has_value());
  }
}

TEST_CASE("what is no cursor is none") {
  for (const char* text : {"", "A", "AAAA", "AAAAAAAAAAA", "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAA=", "a b"})
    CHECK_FALSE(read_cursor(text, 0, 1).has_value());
}
