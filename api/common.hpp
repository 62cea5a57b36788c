#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/layer_source.hpp"
#include "api/services.hpp"
#include "geo/hash.hpp"
#include "server/http/parameters.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"

namespace gridlight::api {

/// The catalog, or database_unavailable while it was never read.
result<std::shared_ptr<const catalog>> loaded_catalog(const services& s);

/// The layer at the path's first {name}, as this caller may see it; notes it for the logs. Fails with
/// not_found naming those that exist, schema_mismatch for one whose table does not fit (with the reason),
/// database_unavailable.
result<layer_ref> path_layer(const services& s, http::request& req);
/// Nothing when places may be asked about; bad_parameter (`parameter`) when the layer has no geometry,
/// forbidden when it is hidden from this caller and nothing stands in for it.
std::optional<failure> no_place(const layer& l, std::string_view parameter);
/// path_layer for a layer that must have a place.
result<layer_ref> path_spatial_layer(const services& s, http::request& req);

/// `properties=a,b` as positions; a name that does not exist or comes twice is recorded as a fault in `q`.
property_selection read_properties(http::parameters& q, const layer& l);
/// `limit`, between 1 and the configured maximum.
std::int64_t read_limit(http::parameters& q, const config::limit_settings& limits);

/// `f`, or else what Accept prefers; GeoJSON when neither says.
answer_form read_form(http::parameters& q, const http::request& req);

/// The version of a layer that an answer was made from; no value: the layer has none.
struct used_version {
  std::string_view layer;
  std::optional<std::int64_t> version;
};

/// Those that a page was made from; notes its rows for the audit log.
std::vector<used_version> versions_of(http::request& req, const layer& l, const feature_page& page);

/// 200 with Gridlight-Version and an ETag made from the versions and the question (path, query in canonical
/// order, and `extra`, such as a request body); from the bytes themselves when a version is unknown. What
/// holds personal data has an ETag of its own and is for no shared cache.
http::response data_response(const http::request& req, std::string_view type, std::string body,
                             const std::vector<used_version>& versions, std::string_view extra = {});

/// The answer to a question whose ETag the client has already, without asking the database: when the versions
/// of its layers are known and still give that tag. The session makes it a 304.
std::optional<http::response> unchanged(const services& s, const http::request& req, std::string_view type,
                                        std::span<const std::string_view> layers,
                                        std::string_view extra = {});
inline std::optional<http::response> unchanged(const services& s, const http::request& req,
                                               std::string_view type,
                                               std::initializer_list<std::string_view> layers,
                                               std::string_view extra = {}) {
  return unchanged(s, req, type, std::span{layers.begin(), layers.size()}, extra);
}
/// The same of an answer about a layer; its place may stand in another's.
std::optional<http::response> unchanged(const services& s, const http::request& req, std::string_view type,
                                        const layer& l, std::string_view extra = {});
/// The same of a page in a form that the client may choose.
std::optional<http::response> unchanged_page(const services& s, const http::request& req, const layer& l,
                                             answer_form form);

/// {"type":"FeatureCollection","numberReturned":…} or {"type":"columns",…} of a page; the members differ by
/// route.
struct collection_options {
  bool with_truncated = false;
  std::string next;  ///< URL of the next page, or empty
  answer_form form = answer_form::geojson;
  std::string_view layer = {};  ///< its name, which columns tell
};
std::string feature_collection(feature_page page, const collection_options& options);

/// data_response of a page in a form that the client may choose.
http::response page_response(http::request& req, const layer& l, feature_page page,
                             collection_options options);

std::string hex64(std::uint64_t value);  ///< 16 digits

/// `text` percent-encoded for a path segment or a query value.
std::string percent_encode(std::string_view text);

using geo::hash64;  // for ETags and cursors

}  // namespace gridlight::api
