#include "server/http/chunked_body.hpp"

#include <doctest/doctest.h>

#include <string>

using gridlight::http::chunked_body;
using state = chunked_body::state;
using namespace std::string_literals;

namespace {

struct outcome {
  state is;
  std::string body;
  std::size_t used;
};

outcome take(const std::string& text, std::size_t most = 1000) {
  chunked_body chunks{most};
  outcome out{state::need_more, {}, 0};
  out.is = chunks.take(text, out.used, out.body);
  return out;
}

}  // namespace

TEST_CASE("chunks are put together, however they come, and nothing after them is taken") {
  for (const auto& [text, body] :
       {std::pair{"0\r\n\r\n"s, ""s},
        {"5\r\nabcde\r\n0\r\n\r\n"s, "abcde"s},
        {"0000000000000003\r\n\r\n\n\r\nA\r\n0123456789\r\n000\r\n\r\n"s, "\r\n\n0123456789"s},
        {"3;a=b;c=\"d;e\"\r\nabc\r\n1 ;x\r\nd\r\n0;last\r\n\r\n"s, "abcd"s},
        {"1\r\na\r\n0\r\nX-A: 1\r\nX-B:\r\nContent-Length: 7\r\n\r\n"s, "a"s}}) {
    CAPTURE(text);
    const auto whole = take(text + "GET /next");
    CHECK(whole.is == state::done);
    CHECK(whole.body == body);
    CHECK(whole.used == text.size());
    chunked_body chunks{1000};
    std::string pieces;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::size_t used = 0;
      CHECK(chunks.take({&text[i], 1}, used, pieces) ==
            (i + 1 == text.size() ? state::done : state::need_more));
      CHECK(used == 1);
    }
    CHECK(pieces == body);
  }
}

TEST_CASE("what is no chunk is refused") {
  for (const std::string& text : {"x"s,
                                  "\r\n"s,
                                  " 1\r\n"s,
                                  "-1\r\n"s,
                                  "+1\r\n"s,
                                  "0x1\r\n"s,
                                  "1\n"s,
                                  "1\rx"s,
                                  "1 \r\n"s,
                                  "1 x\r\n"s,
                                  "1;\x01\r\n"s,
                                  "1;a\n"s,
                                  "1\r\nab"s,
                                  "1\r\na\n"s,
                                  "1\r\na\rx"s,
                                  "1\r\na0\r\n"s,
                                  "00000000000000001\r\n"s,
                                  "10000000000000000\r\n"s,
                                  "FFFFFFFFFFFFFFFFF\r\n"s,
                                  "0\r\n x: 1\r\n"s,
                                  "0\r\nx 1\r\n"s,
                                  "0\r\nx : 1\r\n"s,
                                  "0\r\nx: 1\n"s,
                                  "0\r\nx: \x01\r\n"s,
                                  "0\r\n: 1\r\n"s,
                                  "0\r\nx: 1\r\n folded\r\n"s,
                                  "0\r\n\rx"s,
                                  "0\r\n\n"s,
                                  "0;" + std::string(9000, 'e'),
                                  "0\r\nx: " + std::string(9000, 't')}) {
    CAPTURE(text.substr(0, 60));
    CHECK(take(text).is == state::malformed);
  }
}

TEST_CASE("too long is said by the size, before the data come") {
  CHECK(take("3E9\r\n").is == state::too_long);
  CHECK(take("FFFFFFFFFFFFFFFF\r\n").is == state::too_long);
  CHECK(take("8000000000000000\r\n").is == state::too_long);
  CHECK(take("3E8\r\n" + std::string(1000, 'a') + "\r\n0\r\n\r\n").is == state::done);
  CHECK(take("3E8\r\n" + std::string(1000, 'a') + "\r\n1\r\n").is == state::too_long);
}
