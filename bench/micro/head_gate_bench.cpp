#include "server/http/head_gate.hpp"

#include <fmt/format.h>

#include <vector>

#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"

namespace {

using namespace gridlight;
using http::check_head;
using state_of_head = http::head::state;

constexpr int variants = 64;

std::string request_line(std::mt19937_64& random) {
  const geo::lonlat at = bench::random_place(random);
  return fmt::format(
      "GET /api/postgres/layers/transformers/within?lon={:.7f}&lat={:.7f}&radius_m=500&limit=100 "
      "HTTP/1.1\r\n",
      at.lon, at.lat);
}

// Chrome's, asking from a page behind a proxy that checks who logged in.
std::string browser(std::mt19937_64& random) {
  return request_line(random) +
         fmt::format(
             "Host: grid.example.com\r\n"
             "Connection: keep-alive\r\n"
             "sec-ch-ua-platform: \"Windows\"\r\n"
             "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
             "Chrome/142.0.0.0 Safari/537.36\r\n"
             "sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n"
             "sec-ch-ua-mobile: ?0\r\n"
             "Accept: application/geo+json, application/json;q=0.9, */*;q=0.8\r\n"
             "Sec-Fetch-Site: same-origin\r\n"
             "Sec-Fetch-Mode: cors\r\n"
             "Sec-Fetch-Dest: empty\r\n"
             "Referer: https://grid.example.com/map?zoom=15\r\n"
             "Accept-Encoding: gzip, deflate, br, zstd\r\n"
             "Accept-Language: en-US,en;q=0.9,es;q=0.8\r\n"
             "Authorization: Bearer {:016x}{:016x}{:08x}\r\n"
             "Cookie: session={:016x}; theme=dark; _ga=GA1.1.{}.1763900000\r\n"
             "If-None-Match: \"{:016x}\"\r\n\r\n",
             random(), random(), random() >> 32, random(), random() >> 34, random());
}

std::string curl(std::mt19937_64& random) {
  return request_line(random) + "Host: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
}

// Those of somebody who wants work done, at most as long as is allowed; `end` completes them.
constexpr http::head_limits limits;
std::string hostile(std::string_view fields, std::string_view filler, std::string_view end,
                    std::size_t longest = limits.max_head) {
  std::string out = "GET / HTTP/1.1\r\n" + std::string{fields};
  while (out.size() + filler.size() + end.size() <= longest)
    out += filler;
  return out += end;
}
std::string list_of_options(std::mt19937_64&) {
  return hostile("Host: a\r\nConnection: x", ",x", "\r\n\r\n");
}
std::string short_fields(std::mt19937_64&) {
  return hostile("Host: a\r\n", "hosa: a\r\n", "\r\n", 920);
}
std::string percents(std::mt19937_64&) {
  return hostile("Host: ", "%41", "\r\n\r\n");
}
// It lacks its last byte: what each further one costs when they come singly.
std::string dripped(std::mt19937_64& random) {
  std::string out = browser(random);
  out.resize(out.size() - 2);
  const std::string tail = "X: " + std::string(limits.max_head - out.size() - 7, 'x') + "\r\n\r";
  return out + tail;
}
std::string too_many(std::mt19937_64&) {
  return hostile("Host: a\r\n", "a: b\r\n", "\r\n");
}

void check(benchmark::State& state, std::string (*make)(std::mt19937_64&), state_of_head expected) {
  std::mt19937_64 random{1};
  std::vector<std::string> heads;
  std::size_t bytes = 0;
  for (int i = 0; i < variants; ++i) {
    heads.push_back(make(random));
    bytes += heads.back().size();
    if (check_head(heads.back()).is != expected) return state.SkipWithError("the head is judged differently");
  }
  for (auto _ : state) {
    for (const std::string& head : heads) {
      const http::head found = check_head(head);
      benchmark::DoNotOptimize(found);
    }
  }
  bench::tally(state, "head", heads.size(), bytes);
}
BENCHMARK_CAPTURE(check, browser, browser, state_of_head::complete)->Name("head_gate/browser");
BENCHMARK_CAPTURE(check, curl, curl, state_of_head::complete)->Name("head_gate/curl");
BENCHMARK_CAPTURE(check, options, list_of_options, state_of_head::complete)
    ->Name("head_gate/16_KB_of_options");
BENCHMARK_CAPTURE(check, fields, short_fields, state_of_head::complete)->Name("head_gate/100_short_fields");
BENCHMARK_CAPTURE(check, percents, percents, state_of_head::complete)->Name("head_gate/16_KB_of_percents");
BENCHMARK_CAPTURE(check, dripped, dripped, state_of_head::need_more)->Name("head_gate/16_KB_but_a_byte");
BENCHMARK_CAPTURE(check, too_many, too_many, state_of_head::refused)->Name("head_gate/2700_fields_refused");

}  // namespace
