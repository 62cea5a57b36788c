#pragma once

#include "server/config.hpp"

namespace gridlight {

/// The subcommand `serve`: answers requests until SIGTERM or SIGINT; its exit code, 2 when the configuration
/// forbids to listen.
int serve(const config& settings);

}  // namespace gridlight
