#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"

namespace gridlight::test {

/// The real binary over a small demo grid in a database of its own; ready when the constructor returns.
class demo_server {
 public:
  /// \param sql  run before the server starts, as a superuser
  explicit demo_server(std::vector<std::string> arguments = {}, std::vector<std::string> allowed = {},
                       const std::string& sql = {});

  const temp_db& db() const noexcept { return db_; }
  server_process& process() noexcept { return *server_; }
  const std::string& url() const noexcept { return server_->url(); }
  std::vector<std::string> layers() const;  ///< names of all, as it lists them
  double resident_kb() const;               ///< its memory

 private:
  temp_db db_;
  std::unique_ptr<server_process> server_;
};

}  // namespace gridlight::test
