#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "api/far_search.hpp"
#include "api/layer_source.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight::api {

/// Answers lookups from PostGIS. Keeps the statements of each layer, made on first use, until the catalog is
/// replaced.
class postgis_source final : public layer_source {
 public:
  explicit postgis_source(postgres::pool& pool);
  ~postgis_source() override;

  answer<feature_page> within(const layer_ref& l, const within_question& q, effort e) override;
  answer<feature_page> nearest(const layer_ref& l, const nearest_question& q, effort e) override;
  answer<feature_page> viewport(const layer_ref& l, const viewport_question& q, effort e) override;
  answer<feature_page> intersects(const layer_ref& l, const intersects_question& q, effort e) override;
  answer<feature_page> by_key(const layer_ref& l, const std::vector<std::string>& key, effort e) override;
  answer<search_page> search(const search_question& q, effort e) override;

 private:
  struct prepared_layer;
  struct prepared_search;
  struct near_question;
  std::shared_ptr<prepared_layer> prepared(const layer_ref& l);
  boost::asio::awaitable<bool> is_far(std::shared_ptr<prepared_layer> p, geo::lonlat at, effort e);
  answer<bool> has_place_index(std::shared_ptr<prepared_layer> p, effort e);
  boost::asio::awaitable<std::optional<disc>> published_extent(const layer& l, effort e);
  boost::asio::awaitable<std::optional<disc>> surveyed_extent(std::shared_ptr<prepared_layer> p, effort e);
  struct counted;
  answer<counted> count(std::shared_ptr<prepared_layer> p, geo::lonlat at, double horizon_m,
                        std::vector<patch> patches, effort e);
  answer<std::optional<feature_page>> measure(std::shared_ptr<prepared_layer> p, const near_question& q,
                                              far_search& search, counted& versions, effort e);
  answer<feature_page> from_afar(std::shared_ptr<prepared_layer> p, const near_question& q, effort e);
  answer<feature_page> scan(std::shared_ptr<prepared_layer> p, const near_question& q, effort e);
  answer<feature_page> by_index(std::shared_ptr<prepared_layer> p, const near_question& q, effort e);

  postgres::pool& pool_;
  std::shared_ptr<const catalog> of_;  ///< whose statements these are
  std::unordered_map<const layer*, std::shared_ptr<prepared_layer>> layers_;
  std::shared_ptr<const catalog> searched_;  ///< whose statements `searches_` are
  std::map<std::pair<bool, std::int64_t>, std::shared_ptr<prepared_search>> searches_;
};

/// Set once in each session that lookups use: parallel workers cost more to start than a lookup takes.
inline constexpr std::string_view lookup_session_sql =
    "SET max_parallel_workers_per_gather = 0; SET jit = off";

}  // namespace gridlight::api
