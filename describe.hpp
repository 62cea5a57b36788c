#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "server/config.hpp"

namespace gridlight {

/// What the program says of itself to those who build its package, so that page and completion cannot part
/// from it: the hidden subcommand `describe`.

/// The completion of bash for `app` with all its subcommands.
std::string describe_completion(const CLI::App& app);
/// The section COMMANDS of its manual page (mdoc).
std::string describe_commands(const CLI::App& app);
/// The sections on settings and keys of the page of gridlight.yaml (mdoc).
std::string describe_settings();
/// Names of layers, a line each; the completion asks for them.
std::string describe_layers(const config& settings);

}  // namespace gridlight
