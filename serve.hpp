#pragma once

#include "server/config.hpp"

namespace gridlight {

/// The subcommand `serve`: answers requests until SIGTERM or SIGINT; its exit code, 2 when the configuration
/// forbids to listen.
/// \param sources  of `settings`: what is read anew on SIGHUP
int serve(const config& settings, const config_sources& sources);

}  // namespace gridlight
