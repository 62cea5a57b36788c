#pragma once

#include <optional>
#include <string>

#include "geo/bbox.hpp"

namespace gridlight::api {

/// `gridlight tiles warm`: asks a running server for tiles, so that it keeps them.
struct warm_options {
  std::string url = "http://127.0.0.1:8080";  ///< of the server, with its base path
  std::string layers;                         ///< as in a tile's URL
  std::string zooms = "0-14";                 ///< one, or a range
  std::string bbox;                           ///< min_lon,min_lat,max_lon,max_lat; empty: the layers' own
  std::string properties;                     ///< as in a tile's URL; empty: the layers' own
  std::string token;                          ///< for a server that wants one
  int connections = 4;
  int timeout = 30;  ///< seconds, for a connection and for each answer
  bool yes = false;  ///< more than 100,000 tiles without asking
};

/// \return the exit code: 0, 1 when tiles could not be had, 2 when the options are wrong
int run_tiles_warm(const warm_options& options);

}  // namespace gridlight::api
