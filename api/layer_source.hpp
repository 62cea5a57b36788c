#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/feature_writer.hpp"
#include "geo/bbox.hpp"
#include "geo/lonlat.hpp"
#include "server/catalog.hpp"
#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/http/request.hpp"

namespace gridlight::api {

/// A layer together with the catalog that it lives in.
struct layer_ref {
  std::shared_ptr<const catalog> owner;
  const layer* it = nullptr;

  const layer& operator*() const noexcept { return *it; }
  const layer* operator->() const noexcept { return it; }
};

/// How a page is written: GeoJSON features, or an array a property (column_writer).
enum class answer_form : std::uint8_t { geojson, columns };

/// Rows within radius_m metres, nearest first.
struct within_question {
  geo::lonlat at;
  double radius_m = 0;
  std::int64_t limit = 0;
  property_selection properties;
  answer_form form = answer_form::geojson;
};

/// The `limit` nearest rows, no farther than max_distance_m when given.
struct nearest_question {
  geo::lonlat at;
  std::optional<double> max_distance_m;
  std::int64_t limit = 0;
  property_selection properties;
  answer_form form = answer_form::geojson;
};

/// Rows that intersect a box (or all), in the order of their key, from behind `after` on.
struct viewport_question {
  std::optional<geo::bbox> box;
  std::vector<std::string> after;  ///< key texts of the last feature seen; empty: from the start
  std::int64_t limit = 0;
  bool count = false;  ///< how many match in all is wanted too
  property_selection properties;
  answer_form form = answer_form::geojson;
};

/// Rows that intersect a geometry (EWKB, SRID 4326, valid), in the order of their key.
struct intersects_question {
  std::vector<std::byte> ewkb;
  std::int64_t limit = 0;
  property_selection properties;
};

/// Features whose key or name a text is found in, the best matches first (see search_sql.hpp).
struct search_question {
  std::shared_ptr<const catalog> owner;
  std::vector<const layer*>
      layers;             ///< of the owner, as the caller may see them; searchable() says which may be
  std::string_view text;  ///< not empty
  std::int64_t limit = 0;
  bool personal = false;  ///< the caller has that scope
};

/// An answer over several layers, each of one version.
struct search_page {
  std::string features;  ///< GeoJSON features joined by commas
  std::int64_t count = 0;
  bool more = false;
  std::vector<std::optional<std::int64_t>> versions;  ///< in the order of the question's layers
};

/// An answer, all of one version of the layer.
struct feature_page {
  std::string features;  ///< GeoJSON features joined by commas, or column_writer's members
  std::int64_t count = 0;
  bool more = false;                          ///< at least one more row would have fitted the question
  std::optional<std::int64_t> version;        ///< nothing: the layer has none
  std::optional<std::int64_t> place_version;  ///< of the layer that stands in for hidden places
  std::optional<std::int64_t> matched;        ///< when it was asked for
  std::vector<std::string> last_key;          ///< of the last feature, when there are more
};

/// Until when, and where the time spent is noted.
struct effort {
  deadline until;
  http::request_timing& timing;
  postgres::urgency rank = postgres::urgency::ordinary;
};

/// Lookups on layers: the one way to them. Distances are geodesics on the WGS 84 ellipsoid in metres, orders
/// are exact (ties by key); a page has at most `limit` features. Questions are checked by the caller: finite,
/// in range, limit > 0. One object a thread. Arguments must outlive the returned coroutine: await it at once.
class layer_source {
 public:
  virtual ~layer_source() = default;

  template <class T>
  using answer = boost::asio::awaitable<result<T>>;

  virtual answer<feature_page> within(const layer_ref& l, const within_question& q, effort e) = 0;
  virtual answer<feature_page> nearest(const layer_ref& l, const nearest_question& q, effort e) = 0;
  virtual answer<feature_page> viewport(const layer_ref& l, const viewport_question& q, effort e) = 0;
  virtual answer<feature_page> intersects(const layer_ref& l, const intersects_question& q, effort e) = 0;
  /// The feature with this key, or an empty page.
  virtual answer<feature_page> by_key(const layer_ref& l, const std::vector<std::string>& key, effort e) = 0;
  virtual answer<search_page> search(const search_question& q, effort e) = 0;
};

}  // namespace gridlight::api
