#pragma once

#include <cstddef>

namespace gridlight::http {

/// Lets this process open as many descriptors as its hard limit allows; shells often start programs with
/// 1024.
void raise_descriptor_limit() noexcept;

/// Connections that fit under the process's limit of descriptors, with some left for the database, files and
/// listening.
std::size_t connections_that_fit() noexcept;

}  // namespace gridlight::http
