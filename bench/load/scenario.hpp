#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/load/expectation.hpp"
#include "bench/load/path_template.hpp"

namespace gridlight::bench {

/// One kind of request; its figures are told apart from the others'.
struct request_kind {
  std::string name;
  path_template path;
  std::string head = {};    ///< header lines, each ended by CRLF
  bool revalidate = false;  ///< sends the ETag of the last answer to the same path; 304 is right then
  expectation expect = {};
};

/// Requests at a fixed rate, drawn by weight.
struct mix_part {
  std::size_t kind = 0;  ///< index into scenario::kinds
  double weight = 1;
};

/// Users who ask the same thing again and again.
struct poll_part {
  std::size_t kind = 0;
  std::size_t users = 1;
  double every_s = 10;
};

/// People who look at a map: each asks the start-up requests, then, at every pan or zoom, the tiles in view
/// that it does not hold.
struct map_users {
  std::size_t users = 0;
  std::vector<std::size_t> start;    ///< kinds asked once at the beginning
  std::optional<std::size_t> tiles;  ///< kind with {z}, {x}, {y}
  double think_s = 3;                ///< mean time between two moves
  int min_zoom = 8, max_zoom = 16;
  int wide = 4, high = 3;  ///< tiles in view
  std::size_t held = 500;  ///< tiles that a browser keeps
  double zipf = 1.1;       ///< exponent: how much more popular a place is than the next
  std::size_t hot_places = 200;
};

/// Times of higher rate.
struct burst {
  double every_s = 0, for_s = 0;  ///< every_s 0: none
  double times = 1;
};

/// What is asked and how fast. \see bench/README.md for the file's form
struct scenario {
  std::string name, about;
  std::size_t connections = 16;
  double rate = 0;  ///< of the mix, requests/s; 0: closed loop, each connection asks when it has its answer
  double warm_up_s = 1, duration_s = 10, ramp_s = 0, timeout_s = 10;
  std::vector<std::string> layers;  ///< whose places points are drawn from
  std::size_t most_places = 20'000;
  double spread_m = 300;  ///< how far from an asset a point may lie
  std::optional<geo::bbox> area;
  std::vector<request_kind> kinds;
  std::vector<mix_part> mix;
  std::vector<poll_part> polls;
  map_users maps;
  burst bursts;

  bool wants_places() const;
};

/// \param file  for messages
/// \throws usage_error with file, line, key and what is allowed
scenario read_scenario(const std::string& text, const std::string& file);
/// A scenario of a path alone.
scenario scenario_of_path(const std::string& path);

}  // namespace gridlight::bench
