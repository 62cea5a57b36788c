#pragma once

#include <string>
#include <vector>

#include "server/config.hpp"

namespace gridlight {

/// What a running server makes of a configuration that was read anew.
struct config_change {
  config merged;                     ///< to go on with: the new one, but for what needs a restart
  std::vector<std::string> changed;  ///< names of what differs and is taken now, and layers as "layers.NAME"
  std::vector<std::string> restart;  ///< names of what differs and waits for a restart
  bool layers = false;  ///< a layer came, went or is declared otherwise, or their order is another
  bool sync = false;    ///< sync.*, or the layers that its tables stand for
};

/// Fails with errc::input when what is merged contradicts itself: a setting that is taken now does not go
/// with one that waits for a restart.
result<config_change> compare(const config& running, config next);

}  // namespace gridlight
