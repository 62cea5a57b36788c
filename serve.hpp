#pragma once

#include "server/config.hpp"

namespace gridlight {

/// The subcommand `serve`: answers requests until SIGTERM or SIGINT; its exit code.
int serve(const config& settings);

}  // namespace gridlight
