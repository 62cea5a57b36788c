#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tile_truth.hpp"

namespace gridlight::test {

/// A server of tiles with generalised tables over the demo grid and, where GRIDLIGHT_REAL_DATA names a
/// folder, over buildings of San José that `load --create` made a layer of.
class tile_world {
 public:
  /// \param buildings  of San José; 0: none
  explicit tile_world(int buildings = 0, std::vector<std::string> arguments = {});

  const temp_db& db() const noexcept { return db_; }
  server_process& process() noexcept { return *server_; }
  const std::string& url() const noexcept { return server_->url(); }
  const std::vector<tile_truth>& layers() const noexcept { return truths_; }  ///< that have a place
  const tile_truth& layer_of(const std::string& name) const;
  /// Runs `gridlight COMMAND` with the server's configuration; a failure throws.
  std::string run(const std::string& command) const;
  /// What the server holds true of the layers now, after a load or a build.
  void wait_until_known() const;
  double metric(const std::string& name) const;  ///< with its labels; 0: not there

  http_reply get(const std::string& layers, const geo::tile& t, const std::string& more = {},
                 const http_headers& headers = {}) const;
  /// A tile at this zoom that a feature of the layer chosen at random lies in.
  geo::tile any_tile(const tile_truth& l, int zoom, std::mt19937_64& random) const;

 private:
  std::string config_with_buildings(int buildings);
  temp_db db_;
  temp_folder folder_;
  std::string yaml_;
  std::shared_ptr<const catalog> catalog_;
  std::vector<tile_truth> truths_;
  std::unique_ptr<server_process> server_;
};

std::string tile_url(const std::string& layers, const geo::tile& t);
/// Of an answer as sent: unpacked where it is packed. Throws unless it is 200 or 204.
std::string tile_bytes(const http_reply& r);

}  // namespace gridlight::test
