#include "server/error.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace gridlight;

TEST_CASE("the error table has each errc once, with a status, a slug of its own and a title") {
  std::set<std::string_view> slugs;
  for (int code = 1; code <= static_cast<int>(errc::internal); ++code) {
    const error_entry& entry = describe(static_cast<errc>(code));
    CHECK(static_cast<int>(entry.code) == code);
    CHECK(entry.status >= 400);
    CHECK(entry.status < 600);
    CHECK_FALSE(entry.title.empty());
    CHECK(slugs.insert(entry.slug).second);
  }
  CHECK(error_table().size() == slugs.size());
}
