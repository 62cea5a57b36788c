#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/postgres/connection.hpp"
#include "sync/generalize/build.hpp"

namespace gridlight::sync {

struct tiles_build_options {
  std::vector<std::string> layers;  ///< empty: all
  bool anew = false;                ///< also what is up to date
  bool yes = false;                 ///< without asking, for `anew`
};

/// `gridlight tiles build`. Tells what became of each layer; its exit code.
int run_tiles_build(const config& settings, const tiles_build_options& options);

/// Brings the generalised tables of these layers, and of those that are snapped to them, up to date, as the
/// end of a command that changed them. What goes wrong is told on stderr; `serve` will try again.
void build_after(const config& settings, const std::vector<std::string>& layers, std::string command);

}  // namespace gridlight::sync
