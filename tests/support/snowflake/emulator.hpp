#pragma once

#include <filesystem>
#include <string>

#include "tests/support/snowflake/account.hpp"
#include "tests/support/snowflake/api.hpp"
#include "tests/support/snowflake/authority.hpp"
#include "tests/support/snowflake/faults.hpp"
#include "tests/support/snowflake/tls_listener.hpp"

namespace gridlight::test::snowflake {

/// The files that a client needs, in a folder of the caller's.
struct client_files {
  std::filesystem::path certificate;  ///< of the authority to trust
  std::filesystem::path key;          ///< PKCS#8 in PEM, registered for the user
};

/// An account of Snowflake's on https://127.0.0.1:port, on threads of its own; ends in its destructor.
/// \code
///   emulator snow{{.database = db.uri()}, folder.path()};
///   snow.create_schema("GRIDLIGHT", "PUBLIC");
///   snow.run("CREATE TABLE T (ID NUMBER PRIMARY KEY, NAME VARCHAR)", {"GRIDLIGHT", "PUBLIC", "", ""});
///   snow.faults().add({.what = fault::kind::status, .on = route::submit, .times = 2, .status = 429});
/// \endcode
/// What Postgres cannot hold is put into columns of the domains snowflake.raw_timestamp_tz, raw_variant and
/// so on, by db.run(): their text is what goes over the wire. Tables made so want SELECT
/// snowflake.track_all() after them.
class emulator {
 public:
  /// Makes certificate and keys in `folder`. \throws std::exception when Postgres or a file refuses
  emulator(settings how, const std::filesystem::path& folder, std::uint16_t port = 0);
  ~emulator();
  emulator(const emulator&) = delete;
  emulator& operator=(const emulator&) = delete;

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port()); }
  std::uint16_t port() const { return listener_.port(); }
  const client_files& files() const noexcept { return files_; }

  authority& doors() noexcept { return authority_; }
  fault_plan& faults() noexcept { return faults_; }
  account& statements() noexcept { return account_; }
  std::vector<http_question> seen() const { return api_.seen(); }
  void forget_seen() { api_.forget_seen(); }

  void create_schema(const std::string& owner, const std::string& name);
  /// Runs one statement of Snowflake's SQL as a client would, without HTTP. \throws sql_failure
  std::shared_ptr<const result_set> run(std::string sql, place where);

 private:
  client_files files_;
  account account_;
  authority authority_;
  fault_plan faults_;
  api api_;
  tls_listener listener_;
};

}  // namespace gridlight::test::snowflake
