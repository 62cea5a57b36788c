#include "api/tiles_warm.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <charconv>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "api/common.hpp"
#include "api/tile_request.hpp"
#include "api/warm_client.hpp"
#include "geo/tile.hpp"

namespace gridlight::api {
namespace {

constexpr std::uint64_t many = 100'000;
// So many answers in a row that do not come: the server hangs.
constexpr int most_unanswered = 3;

struct zoom_range {
  int first = 0, last = 0;
};

std::optional<zoom_range> read_zooms(std::string_view text) {
  zoom_range out;
  const auto dash = text.find('-');
  const auto number = [](std::string_view digits, int& into) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return error == std::errc{} && end == digits.data() + digits.size() && into >= 0 && into <= max_tile_zoom;
  };
  if (!number(text.substr(0, dash), out.first)) return std::nullopt;
  out.last = out.first;
  if (dash != text.npos && !number(text.substr(dash + 1), out.last)) return std::nullopt;
  if (out.first > out.last) return std::nullopt;
  return out;
}

std::optional<geo::bbox> read_bbox(std::string_view text) {
  std::array<double, 4> n{};
  for (std::size_t i = 0; i < n.size(); ++i) {
    const auto comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n[i]);
    if (error != std::errc{} || end != word.data() + word.size() || (i < 3) == (comma == text.npos))
      return std::nullopt;
    if (i < 3) text.remove_prefix(comma + 1);
  }
  const geo::bbox out{n[0], n[1], n[2], n[3]};
  const bool fits = out.min_lon >= -180 && out.max_lon <= 180 && out.min_lat >= -90 && out.max_lat <= 90;
  if (!fits || out.min_lon > out.max_lon || out.min_lat > out.max_lat) return std::nullopt;
  return out;
}

// The tiles of one zoom that touch the box.
struct tile_rows_of_zoom {
  geo::tile first, last;
  std::uint64_t columns() const { return static_cast<std::uint64_t>(last.x - first.x + 1); }
  std::uint64_t count() const { return columns() * static_cast<std::uint64_t>(last.y - first.y + 1); }
  geo::tile at(std::uint64_t n) const {
    return {first.z, first.x + static_cast<std::int64_t>(n % columns()),
            first.y + static_cast<std::int64_t>(n / columns())};
  }
};

struct plan {
  std::vector<tile_rows_of_zoom> zooms;
  std::uint64_t count = 0;
  geo::tile at(std::uint64_t n) const {
    for (const auto& z : zooms) {
      if (n < z.count()) return z.at(n);
      n -= z.count();
    }
    return {};
  }
};

plan plan_of(const geo::bbox& box, const zoom_range& zooms) {
  plan out;
  for (int z = zooms.first; z <= zooms.last; ++z) {
    const auto& rows = out.zooms.emplace_back(tile_rows_of_zoom{geo::tile_at({box.min_lon, box.max_lat}, z),
                                                                geo::tile_at({box.max_lon, box.min_lat}, z)});
    out.count += rows.count();
  }
  return out;
}

// TileJSON of the layers: their bounds and zooms.
struct pyramid {
  geo::bbox bounds;
  zoom_range zooms;
};

result<pyramid> ask_pyramid(warm_client& server, const std::string& layers) {
  const warm_client::reply answer =
      server.get("/api/postgres/tiles/" + percent_encode(layers) + ".json", false);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool json = parser.parse(answer.body).get(root) == simdjson::SUCCESS;
  if (answer.status != 200) {
    std::string_view detail;
    if (!json || root["detail"].get(detail) != simdjson::SUCCESS) detail = "no such tiles";
    return failure{errc::input, fmt::format("the server answers {}: {}", answer.status, detail)};
  }
  pyramid out;
  simdjson::dom::array bounds;
  std::int64_t first = 0, last = 0;
  if (!json || root["bounds"].get(bounds) != simdjson::SUCCESS || bounds.size() != 4 ||
      root["minzoom"].get(first) != simdjson::SUCCESS || root["maxzoom"].get(last) != simdjson::SUCCESS)
    return failure{errc::input, "the server's TileJSON cannot be read"};
  std::array<double, 4> n{};
  for (std::size_t i = 0; i < 4; ++i)
    if (bounds.at(i).get(n[i]) != simdjson::SUCCESS)
      return failure{errc::input, "the server's TileJSON cannot be read"};
  out.bounds = {n[0], n[1], n[2], n[3]};
  out.zooms = {static_cast<int>(first), static_cast<int>(last)};
  return out;
}

struct tally {
  std::atomic<std::uint64_t> next{0}, full{0}, empty{0}, failed{0}, bytes{0};
  std::mutex lock;
  std::string first_failure;

  void fail(std::string why) {
    ++failed;
    const std::lock_guard guard{lock};
    if (first_failure.empty()) first_failure = std::move(why);
  }
};

void fetch(const plan& all, const boost::urls::url& url, const warm_options& options, tally& done) {
  warm_client server{url, options.token, std::chrono::seconds{options.timeout}};
  int unanswered = 0;
  const std::string query =
      options.properties.empty() ? "" : "?properties=" + percent_encode(options.properties);
  for (std::uint64_t n = done.next++; n < all.count; n = done.next++) {
    const geo::tile t = all.at(n);
    const std::string path = fmt::format("/api/postgres/tiles/{}/{}/{}/{}{}", percent_encode(options.layers),
                                         t.z, t.x, t.y, query);
    try {
      const warm_client::reply answer = server.get(path, true);
      unanswered = 0;
      if (answer.status == 200) {
        ++done.full;
        done.bytes += answer.body.size();
      } else if (answer.status == 204) {
        ++done.empty;
      } else {
        done.fail(fmt::format("{}: {}", path, answer.status));
      }
    } catch (const warm_client::unanswered& e) {
      done.fail(fmt::format("{}: {}", path, e.what()));
      if (++unanswered >= most_unanswered) return;
    } catch (const std::exception& e) {
      done.fail(fmt::format("{}: {}", path, e.what()));
      if (done.failed > 100) return;
    }
  }
}

int refuse(const std::string& why) {
  fmt::print(stderr, "gridlight tiles warm: {}\n", why);
  return 2;
}

bool agreed(std::uint64_t count, bool yes) {
  if (count <= many || yes) return true;
  fmt::print(stderr, "these are {} tiles. ", count);
  if (::isatty(STDIN_FILENO) == 0) {
    fmt::print(stderr, "Say --yes, or fewer zooms; there is no terminal to ask at\n");
    return false;
  }
  fmt::print(stderr, "Ask for them all? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y";
}

}  // namespace

int run_tiles_warm(const warm_options& options) {
  const auto url = boost::urls::parse_uri(options.url);
  if (!url || (url->scheme() != "http" && url->scheme() != "https") || url->host().empty())
    return refuse("--url is " + options.url + "; it must be http[s]://HOST[:PORT][/BASE]");
  auto zooms = read_zooms(options.zooms);
  if (!zooms)
    return refuse(fmt::format("--zoom is {}; it must be a zoom from 0 to {}, or a range such as 0-14",
                              options.zooms, max_tile_zoom));
  std::optional<geo::bbox> box;
  if (!options.bbox.empty() && !(box = read_bbox(options.bbox)))
    return refuse("--bbox is " + options.bbox +
                  "; it must be min_lon,min_lat,max_lon,max_lat in degrees, the smaller ones first");
  const boost::urls::url server{*url};
  plan all;
  try {
    warm_client first{server, options.token, std::chrono::seconds{options.timeout}};
    const auto there = ask_pyramid(first, options.layers);
    if (!there) return refuse(there.error().detail);
    zooms->first = std::max(zooms->first, there->zooms.first);
    zooms->last = std::min(zooms->last, there->zooms.last);
    all = plan_of(box.value_or(there->bounds), *zooms);
  } catch (const std::exception& e) {
    fmt::print(stderr, "gridlight tiles warm: {} cannot be reached: {}\n", options.url, e.what());
    return 1;
  }
  if (!agreed(all.count, options.yes)) return 2;

  tally done;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < options.connections; ++i)
      threads.emplace_back([&] { fetch(all, server, options, done); });
  }
  const std::uint64_t asked = done.full + done.empty + done.failed;
  if (asked < all.count)
    fmt::print(stderr, "gridlight tiles warm: given up, {} tiles were not asked for\n", all.count - asked);
  fmt::print("{}: {} tiles of zooms {} to {} hold something ({:.1f} MB packed), {} are empty, {} failed\n",
             options.layers, done.full.load(), zooms->first, zooms->last,
             static_cast<double>(done.bytes.load()) / 1e6, done.empty.load(), done.failed.load());
  if (done.failed == 0 && asked >= all.count) return 0;
  fmt::print(stderr, "gridlight tiles warm: {}\n", done.first_failure);
  return 1;
}

}  // namespace gridlight::api
