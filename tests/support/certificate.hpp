#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/support/command.hpp"

namespace gridlight::test {

/// Makes a self-made certificate for 127.0.0.1 and localhost, with its key, both in PEM. `name` is its common
/// name.
inline void make_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key,
                             const std::string& name) {
  const auto made = run_command(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj '/CN=" +
      name + "' -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' -keyout '" + key.string() + "' -out '" +
      certificate.string() + "' 2>&1");
  if (made.status != 0) throw std::runtime_error{"openssl made no certificate: " + made.output};
}

}  // namespace gridlight::test
