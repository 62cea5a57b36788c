#include "bench/load/places.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cmath>
#include <exception>
#include <numbers>

namespace gridlight::bench {
namespace asio = boost::asio;
namespace dom = simdjson::dom;
namespace {

constexpr int page_size = 10'000, most_pages = 20;
constexpr double metres_per_degree = 111'195;  // of latitude, on a sphere of 6,371 km

// Positions of a page of f=columns, appended; the path of the next page, or nothing.
std::string read_page(dom::parser& parser, std::string_view body, std::vector<geo::lonlat>& out) {
  const dom::element root = parser.parse(body.data(), body.size());
  dom::array positions;
  if (root["positions"].get(positions) != simdjson::SUCCESS) return {};
  double lon = 0;
  bool is_lat = false;
  for (const dom::element each : positions) {
    double value = 0;
    if (each.get(value) != simdjson::SUCCESS) value = std::nan("");
    if (is_lat && !std::isnan(lon) && !std::isnan(value)) out.push_back({lon, value});
    lon = value;
    is_lat = !is_lat;
  }
  dom::array links;
  if (root["links"].get(links) != simdjson::SUCCESS) return {};
  for (const dom::element link : links) {
    std::string_view rel, href;
    if (link["rel"].get(rel) == simdjson::SUCCESS && rel == "next" &&
        link["href"].get(href) == simdjson::SUCCESS)
      return std::string{href};
  }
  return {};
}

// The path and query of a link, which may be absolute.
std::string path_of(const std::string& link) {
  const auto scheme = link.find("://");
  return scheme == link.npos ? link : link.substr(link.find('/', scheme + 3));
}

asio::awaitable<void> read_layer(connection& c, const target& at, const std::string& extra_head,
                                 const std::string& layer, std::vector<geo::lonlat>& out) {
  dom::parser parser;
  std::string path =
      fmt::format("{}/api/postgres/layers/{}/features?limit={}&f=columns", at.prefix, layer, page_size);
  const std::size_t before = out.size();
  for (int page = 0; page < most_pages && !path.empty(); ++page) {
    if (!c.is_open()) co_await c.open();
    const answer got = co_await c.exchange(
        fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", path, at.authority, extra_head));
    if (got.status != 200)
      throw usage_error{fmt::format("layer {} cannot be read for its places: {}{} answers {}", layer,
                                    at.url(), path, got.status)};
    path = path_of(read_page(parser, got.body, out));
  }
  if (out.size() == before)
    throw usage_error{fmt::format("layer {} of {} has no positions to draw points from", layer, at.url())};
}

}  // namespace

places places::of_layers(const target& at, asio::ssl::context* tls, const std::string& extra_head,
                         const std::vector<std::string>& layers, std::size_t most, double spread_m,
                         std::uint64_t seed) {
  places out;
  out.spread_m_ = spread_m;
  const auto addresses = resolve(at);
  asio::io_context io{1};
  std::exception_ptr failed;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        connection c{io, at, addresses, tls};
        for (const std::string& layer : layers)
          co_await read_layer(c, at, extra_head, layer, out.points_);
      },
      [&](std::exception_ptr e) { failed = e; });
  io.run_for(std::chrono::seconds{30});
  try {
    if (failed) std::rethrow_exception(failed);
  } catch (const connection_error& e) {
    throw usage_error{fmt::format("{} cannot be asked: {}", at.url(), e.what())};
  } catch (const simdjson::simdjson_error& e) {
    throw usage_error{fmt::format("{} does not answer as gridlight does: {}", at.url(), e.what())};
  }
  if (!io.stopped()) throw usage_error{at.url() + " did not tell its places within 30 s"};
  std::mt19937_64 random{seed};
  std::shuffle(out.points_.begin(), out.points_.end(), random);
  if (out.points_.size() > most) out.points_.resize(most);
  return out;
}

places places::in_area(const geo::bbox& area) {
  places out;
  out.area_ = area;
  return out;
}

geo::lonlat places::draw(std::mt19937_64& random) const {
  if (points_.empty())
    return {std::uniform_real_distribution{area_.min_lon, area_.max_lon}(random),
            std::uniform_real_distribution{area_.min_lat, area_.max_lat}(random)};
  geo::lonlat at = points_[std::uniform_int_distribution<std::size_t>{0, points_.size() - 1}(random)];
  const double angle = std::uniform_real_distribution{0.0, 2 * std::numbers::pi}(random);
  const double away = spread_m_ * std::sqrt(std::uniform_real_distribution{0.0, 1.0}(random));
  at.lat = std::clamp(at.lat + away * std::sin(angle) / metres_per_degree, -90.0, 90.0);
  const double round = std::max(std::cos(at.lat * std::numbers::pi / 180), 1e-6);
  at.lon = std::remainder(at.lon + away * std::cos(angle) / (metres_per_degree * round), 360.0);
  return at;
}

geo::lonlat places::ranked(std::size_t rank) const {
  if (!points_.empty()) return points_[rank % points_.size()];
  std::mt19937_64 own{rank};
  return draw(own);
}

}  // namespace gridlight::bench
