#include "server/http/negotiate.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace gridlight;
using boost::beast::http::field;

namespace {

constexpr std::array<std::string_view, 2> offered{"application/geo+json", "application/x.columns+json"};

std::size_t preferred(const char* accept) {
  boost::beast::http::fields headers;
  headers.set(field::accept, accept);
  return http::preferred_type(headers, offered);
}

}  // namespace

TEST_CASE("without Accept, or when nothing offered is acceptable, it is the first") {
  CHECK(http::preferred_type(boost::beast::http::fields{}, offered) == 0);
  for (const char* accept :
       {"", ",", "*/*", "application/*", "text/html", "application/json, */*;q=0.1", ";;;", "q=1", "*", "*/",
        "/*", "application/x.columns+json;q=0", "application/x.columns"}) {
    CAPTURE(accept);
    CHECK(preferred(accept) == 0);
  }
}

TEST_CASE("the weight decides, then how exactly a type is named, then its place") {
  for (const char* accept :
       {"application/x.columns+json", "Application/X.Columns+JSON ; q=0.001",
        "application/x.columns+json, */*", "*/*, application/x.columns+json",
        "application/*;q=0.9, application/x.columns+json;q=0.9",
        "application/geo+json;q=0.5, application/x.columns+json;q=0.6", "application/geo+json;q=0, */*",
        "application/x.columns+json;v=1;q=1, application/geo+json;q=0.999"}) {
    CAPTURE(accept);
    CHECK(preferred(accept) == 1);
  }
  for (const char* accept :
       {"application/geo+json, application/x.columns+json",
        "application/x.columns+json, application/geo+json", "application/x.columns+json;q=0.5, */*;q=0.6",
        "application/x.columns+json;q=0.5, application/*",
        "application/x.columns+json;v=1;q=0.2, application/geo+json;q=0.3", "application/x.columns+json;q=2",
        "application/x.columns+json;q=-1", "application/x.columns+json;q="}) {
    CAPTURE(accept);
    CHECK(preferred(accept) == 0);
  }
}

TEST_CASE("several Accept lines are one list") {
  boost::beast::http::fields headers;
  headers.insert(field::accept, "text/html");
  headers.insert(field::accept, "application/geo+json;q=0.1");
  headers.insert(field::accept, "application/x.columns+json");
  CHECK(http::preferred_type(headers, offered) == 1);
}
