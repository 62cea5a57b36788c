#include "geo/text_sink.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using gridlight::geo::text_sink;

TEST_CASE("a sink appends behind what stands there, however much it grows") {
  std::string out = "<";
  std::string expected = "<";
  {
    text_sink sink{out, 0};
    for (int i = 0; i < 1000; ++i) {
      sink.append("ab");
      sink.append('c');
      char* const at = sink.room(7);
      sink.commit(std::fill_n(at, i % 8, 'x'));
      expected += "abc" + std::string(static_cast<std::size_t>(i % 8), 'x');
    }
    CHECK(sink.size() == expected.size());
    CHECK(sink.back() == expected.back());
  }
  CHECK(out == expected);
}

TEST_CASE("what was appended can be taken back; room that nobody used leaves nothing") {
  std::string out = "kept";
  {
    text_sink sink{out};
    sink.append(" gone");
    sink.truncate(4);
    sink.room(10'000);
  }
  CHECK(out == "kept");
}
