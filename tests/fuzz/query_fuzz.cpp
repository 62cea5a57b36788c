// Targets and queries of any bytes: decoding never fails but by saying so, what comes out is text that
// Postgres and JSON can hold, and no parameter slips through a check.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/http/parameters.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/http/url.hpp"

namespace {

using namespace gridlight;

void must(bool holds) {
  if (!holds) std::abort();
}

const http::router& routes() {
  static const http::router out = [] {
    http::router r;
    for (const char* pattern : {"/", "/a/{b}", "/a/c", "/a/{b}/c", "/a/c/{d}"})
      r.add({boost::beast::http::verb::get, pattern, {}, 0});
    return r;
  }();
  return out;
}

void check_problem(const failure& f) {
  must(f.detail.size() < 1000 && http::usable_text(f.detail));
  must(http::usable_text(http::problem(f, "id").body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view target{reinterpret_cast<const char*>(data), size};
  const auto [path, query] = http::split_target(target);
  const auto decoded_path = http::decode_path(path);
  if (!decoded_path) check_problem(decoded_path.error());
  const auto match = routes().find(boost::beast::http::verb::get, path);
  if (decoded_path)
    for (const auto& value : match.path_values)
      must(!value.empty() && http::usable_text(value));

  http::request req;
  auto decoded = http::decode_query(query);
  if (!decoded) {
    check_problem(decoded.error());
    return 0;
  }
  req.query = *std::move(decoded);
  for (const auto& p : req.query)
    must(http::usable_text(p.name) && http::usable_text(p.value));

  http::parameters q{req};
  const auto at = q.position();
  const double radius = q.number_or("radius_m", 1, {0, 50'000, "metres"});
  const auto limit = q.integer_or("limit", 100, 1, 10'000);
  const auto box = q.bbox();
  const auto names = q.list("properties");
  if (const auto fault = q.fault()) {
    check_problem(*fault);
    return 0;
  }
  must(std::abs(at.lon) <= 180 && std::abs(at.lat) <= 90);
  must(radius >= 0 && radius <= 50'000 && limit >= 1 && limit <= 10'000);
  if (box)
    must(std::abs(box->min_lon) <= 180 && std::abs(box->max_lon) <= 180 && box->min_lat <= box->max_lat);
  for (const auto& name : names)
    must(!name.empty());
  return 0;
}
