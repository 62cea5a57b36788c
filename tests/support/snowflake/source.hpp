#pragma once

#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "sync/snowflake/client.hpp"
#include "tests/support/snowflake/emulator.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"

namespace gridlight::test {

/// Snowflake for one test: an emulated account on a database of its own in the test's cluster, with database
/// GRIDLIGHT and schema PUBLIC; what a client needs to reach it, and hands on what is in it and what goes
/// wrong. Link gridlight_snowflake.
/// \code
///   snowflake_source source;
///   source.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, NAME VARCHAR)");
///   source.faults().add({.what = snowflake::fault::kind::html, .on = snowflake::route::partition});
///   gridlight … source.host(), source.port(), source.ca_file(), source.key_file() …
/// \endcode
class snowflake_source {
 public:
  explicit snowflake_source(snowflake::settings how = {}) : snow_(with(std::move(how), db_), folder_.path()) {
    snow_.create_schema(database(), schema());
  }

  /// \name What a client is told
  /// @{
  static std::string host() { return "127.0.0.1"; }
  std::uint16_t port() const { return snow_.port(); }
  std::string ca_file() const { return snow_.files().certificate.string(); }
  std::string key_file() const { return snow_.files().key.string(); }  ///< of the user, PKCS#8 in PEM
  static std::string account() { return snowflake::settings{}.account; }
  static std::string user() { return snowflake::settings{}.user; }
  static std::string warehouse() { return *snowflake::settings{}.warehouses.begin(); }
  static std::string role() { return *snowflake::settings{}.roles.begin(); }
  static std::string database() { return "GRIDLIGHT"; }
  static std::string schema() { return "PUBLIC"; }
  /// The same for our client; its pauses are those of production.
  sync::snowflake::client_options options() const {
    sync::snowflake::client_options o;
    o.host = host();
    o.port = port();
    o.ca_file = ca_file();
    o.database = database();
    o.schema = schema();
    o.warehouse = warehouse();
    o.role = role();
    return o;
  }
  std::shared_ptr<sync::snowflake::credentials> key_pair() const {
    std::ifstream file{key_file()};
    const std::string pem{std::istreambuf_iterator<char>{file}, {}};
    auto made = sync::snowflake::from_key_pair({account(), user(), secret{pem}, {}});
    if (!made) throw std::runtime_error{made.error().detail};
    return std::move(*made);
  }
  /// @}

  /// Runs one statement of Snowflake's SQL. \throws snowflake::sql_failure
  void run(const std::string& sql) { snow_.run(sql, where()); }
  /// The same with its rows as they go over the wire, NULL as "NULL".
  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    const auto found = snow_.run(sql, where());
    std::vector<std::vector<std::string>> out;
    add_rows(found->first(), out);
    for (std::size_t n = 1; n < found->partitions().size(); ++n) {
      const auto text = http::unpack_gzip(found->packed(n), std::size_t{1} << 30);
      if (!text) throw std::runtime_error{"a partition is no gzip"};
      add_rows(*text, out);
    }
    return out;
  }
  std::string value(const std::string& sql) { return rows(sql).at(0).at(0); }

  /// The Postgres database below, for what Snowflake's SQL cannot say; its table T is table("T") there.
  const temp_db& db() const noexcept { return db_; }
  static std::string table(const std::string& name) {
    return "\"" + snowflake::swap_case(database() + "." + schema()) + "\".\"" + snowflake::swap_case(name) +
           "\"";
  }

  snowflake::fault_plan& faults() noexcept { return snow_.faults(); }
  snowflake::emulator& emulator() noexcept { return snow_; }
  const snowflake::emulator& emulator() const noexcept { return snow_; }

 private:
  static snowflake::settings with(snowflake::settings how, const temp_db& db) {
    how.database = db.uri();
    return how;
  }
  static snowflake::place where() { return {database(), schema(), warehouse(), role()}; }
  static void add_rows(const std::string& json, std::vector<std::vector<std::string>>& out) {
    simdjson::dom::parser parser;
    simdjson::dom::element all = parser.parse(json).value();
    if (all.is_object()) all = all["data"].value();
    for (const auto row : all.get_array()) {
      auto& line = out.emplace_back();
      for (const auto cell : row.get_array())
        line.emplace_back(cell.is_null() ? "NULL" : std::string{cell.get_string().value()});
    }
  }

  temp_db db_;
  temp_folder folder_;
  snowflake::emulator snow_;
};

}  // namespace gridlight::test
