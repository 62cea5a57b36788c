#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "embedded/page.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::routes_bench;

namespace {

std::string header(const http::response& answer, std::string_view name) {
  for (const auto& [each, value] : answer.headers)
    if (each == name) return value;
  return {};
}

// What stands between the quotes of each name="static/…" of a page.
std::set<std::string> named_files(std::string_view html) {
  std::set<std::string> out;
  for (std::size_t at = html.find("\"./static/"); at != html.npos; at = html.find("\"./static/", at + 1)) {
    const auto start = at + 10;
    out.emplace(html.substr(start, html.find('"', start) - start));
  }
  return out;
}

}  // namespace

TEST_CASE("pages have a policy that lets in nothing from elsewhere and nothing inline") {
  routes_bench b;
  for (const char* path : {"/", "/status"}) {
    CAPTURE(path);
    const auto page = b.get(path);
    REQUIRE(page.has_value());
    CHECK(page->type.starts_with("text/html"));
    CHECK(page->cache_control == "no-cache");
    CHECK_FALSE(page->etag.empty());
    const std::string policy = header(*page, "Content-Security-Policy");
    CHECK(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    CHECK(policy.find("unsafe") == policy.npos);
    CHECK(policy.find("http") == policy.npos);
    CHECK(policy.find("frame-ancestors 'none'") != policy.npos);
    CHECK(header(*page, "Referrer-Policy") == "no-referrer");
    const std::string_view html = page->bytes();
    CHECK(html.find("<title>") != html.npos);
    CHECK(html.find("//") == html.npos);  // no other host
    CHECK(html.find("style=") == html.npos);
    CHECK(html.find("<style") == html.npos);
  }
}

TEST_CASE("what the pages name is there, and may be kept for ever") {
  routes_bench b;
  for (const char* path : {"/", "/status"}) {
    const auto page = b.get(path);
    const auto names = named_files(page->bytes());
    CHECK(names.size() >= (embedded::page.empty() ? 0 : 2));
    for (const std::string& name : names) {
      CAPTURE(name);
      const auto file = b.get("/static/" + name);
      REQUIRE(file.has_value());
      CHECK(file->cache_control == "public, max-age=31536000, immutable");
      CHECK(file->bytes().size() > 0);
    }
  }
}

TEST_CASE("every file of the bundle is served in its place only, with a tag of its own") {
  routes_bench b;
  std::set<std::string_view> tags;
  for (const auto& file : embedded::page) {
    CAPTURE(file.name);
    tags.insert(file.tag);
    CHECK((file.name.starts_with("static/") || file.name == "index.html" || file.name == "status.html"));
    if (!file.name.starts_with("static/")) continue;
    const auto answer = b.get("/" + std::string{file.name});
    REQUIRE(answer.has_value());
    CHECK(answer->bytes() == file.plain);
    if (!file.gzip.empty()) CHECK(file.gzip.size() < file.plain.size());
    if (!file.brotli.empty()) CHECK(file.brotli.size() < file.plain.size());
  }
  CHECK(tags.size() == embedded::page.size());
}

TEST_CASE("a file that is not of the page is not found") {
  routes_bench b;
  for (const char* path :
       {"/static/nothing.js", "/static/index.html", "/static/%2e%2e", "/static/..%2findex.html"}) {
    CAPTURE(path);
    const auto answer = b.get(path);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == errc::not_found);
  }
}
