#include <doctest/doctest.h>

#include <array>

#include "server/http/response_writer.hpp"
#include "server/http/static_files.hpp"

using namespace gridlight;
using namespace gridlight::http;

namespace {

constexpr std::array<embedded::page_file, 3> files{{
    {"index.html", "aa01", "<!doctype html>", {}, {}},
    {"static/a-1.js", "bb02", "plain script", "packed by gzip", "by brotli"},
    {"static/f-2.woff2", "cc03", std::string_view{"wOF2\0\x01", 6}, {}, {}},
}};

struct written {
  std::string head;
  response res;
};

written answer(const response& from, std::string_view accepts, std::string_view tag = {}) {
  const config settings;
  response_writer writer{settings.http};
  request req;
  if (!accepts.empty())
    req.headers.set("Accept-Encoding", boost::beast::string_view{accepts.data(), accepts.size()});
  if (!tag.empty()) req.headers.set("If-None-Match", boost::beast::string_view{tag.data(), tag.size()});
  written out{{}, from};
  writer.write(out.head, out.res, req, {});
  return out;
}

bool has(const std::string& head, std::string_view line) {
  return head.find("\r\n" + std::string{line} + "\r\n") != head.npos;
}

}  // namespace

TEST_CASE("a file is sent in the best coding that was made of it and that the client takes") {
  const static_files all{files};
  const response* const script = all.find("static/a-1.js");
  REQUIRE(script != nullptr);
  const auto brotli = answer(*script, "gzip, deflate, br");
  CHECK(brotli.res.bytes() == "by brotli");
  CHECK(has(brotli.head, "Content-Encoding: br"));
  CHECK(has(brotli.head, "ETag: \"bb02-br\""));
  CHECK(has(brotli.head, "Content-Type: text/javascript; charset=utf-8"));
  CHECK(has(brotli.head, "Vary: Accept-Encoding"));
  const auto gzip = answer(*script, "gzip, br;q=0.5");
  CHECK(gzip.res.bytes() == "packed by gzip");
  CHECK(has(gzip.head, "Content-Encoding: gzip"));
  CHECK(has(gzip.head, "ETag: \"bb02-gzip\""));
  for (const char* none : {"", "identity", "gzip;q=0, br;q=0"}) {
    const auto plain = answer(*script, none);
    CHECK(plain.res.bytes() == "plain script");
    CHECK(plain.head.find("\r\nContent-Encoding:") == std::string::npos);
    CHECK(has(plain.head, "ETag: \"bb02\""));
  }
  // Nobody could be asked again by its tag otherwise.
  CHECK(all.find("static/a-1.js")->bytes() == "plain script");
}

TEST_CASE("who has a file in any coding is told that it is the same") {
  const static_files all{files};
  for (const char* tag : {"\"bb02-br\"", "\"bb02-gzip\"", "\"bb02\"", "W/\"bb02-br\""}) {
    CAPTURE(tag);
    const auto same = answer(*all.find("static/a-1.js"), "gzip, br", tag);
    CHECK(same.res.status == 304);
    CHECK(same.res.bytes().empty());
  }
  CHECK(answer(*all.find("static/a-1.js"), "gzip, br", "\"bb03-br\"").res.status == 200);
}

TEST_CASE("files that are packed by themselves go as they are, with their zeros") {
  const static_files all{files};
  const auto font = answer(*all.find("static/f-2.woff2"), "gzip, br");
  CHECK(font.res.bytes() == files[2].plain);
  CHECK(has(font.head, "Content-Type: font/woff2"));
  CHECK(font.head.find("Vary") == std::string::npos);
  CHECK(all.find("static/f-3.woff2") == nullptr);
  CHECK(all.find("index.html")->cache_control == "no-cache");
}

TEST_CASE("types of files") {
  CHECK(type_of_file("a.mjs").starts_with("text/javascript"));
  CHECK(type_of_file("a.css").starts_with("text/css"));
  CHECK(type_of_file("a.svg") == "image/svg+xml");
  CHECK(type_of_file("a.html").starts_with("text/html"));
  CHECK(type_of_file("a.exe") == "application/octet-stream");
}
