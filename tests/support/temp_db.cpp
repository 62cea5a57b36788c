#include "tests/support/temp_db.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace gridlight::test {
namespace {

struct finish {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using conn = std::unique_ptr<PGconn, finish>;
using rows_ptr = std::unique_ptr<PGresult, finish>;

rows_ptr exec(const std::string& uri, std::string_view sql) {
  const conn c{PQconnectdb(uri.c_str())};
  if (PQstatus(c.get()) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(c.get())};
  rows_ptr r{PQexec(c.get(), std::string{sql}.c_str())};
  const auto status = PQresultStatus(r.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error{std::string{PQerrorMessage(c.get())} + " in: " + std::string{sql}};
  return r;
}

std::string cluster_uri() {
  const char* uri = std::getenv("GRIDLIGHT_TEST_DATABASE_URL");
  if (uri == nullptr)
    throw std::runtime_error{"GRIDLIGHT_TEST_DATABASE_URL is not set: run tests by ./dev test"};
  return uri;
}

// The last dbname of a conninfo wins, so a suffix is enough; a URI is expanded to key=value first.
std::string with_database(const std::string& uri, const std::string& name) {
  char* error = nullptr;
  PQconninfoOption* options = PQconninfoParse(uri.c_str(), &error);
  if (options == nullptr) throw std::runtime_error{error};
  std::string out;
  for (const PQconninfoOption* o = options; o->keyword != nullptr; ++o) {
    if (o->val == nullptr || std::string_view{o->keyword} == "dbname") continue;
    out += std::string{o->keyword} + "='";
    for (const char* p = o->val; *p != '\0'; ++p) {
      if (*p == '\'' || *p == '\\') out += '\\';
      out += *p;
    }
    out += "' ";
  }
  PQconninfoFree(options);
  return out + "dbname=" + name;
}

// Asked once: the mark does not go away while tests run.
const std::string& disposable_cluster() {
  static const std::string uri = [] {
    std::string found = cluster_uri();
    require_disposable(found);
    return found;
  }();
  return uri;
}

}  // namespace

void require_disposable(const std::string& uri) {
  const rows_ptr r = exec(uri,
                          "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE "
                          "datname = 'gridlight_template'");
  if (PQntuples(r.get()) == 1 && PQgetvalue(r.get(), 0, 0) == disposable_mark) return;
  throw std::runtime_error{
      "the cluster of GRIDLIGHT_TEST_DATABASE_URL is not marked as one that tests may use. If nobody needs "
      "what "
      "is in it: CREATE DATABASE gridlight_template; with PostGIS in it; COMMENT ON DATABASE "
      "gridlight_template "
      "IS '" +
      std::string{disposable_mark} + "'"};
}

temp_db::temp_db() {
  static std::atomic<int> count{0};
  name_ = "gridlight_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  const std::string& cluster = disposable_cluster();
  exec(cluster, "CREATE DATABASE " + name_ + " TEMPLATE gridlight_template");
  uri_ = with_database(cluster, name_);
}

temp_db::~temp_db() {
  try {
    exec(cluster_uri(), "DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const std::exception&) {
    // A cluster that is gone took the database with it.
  }
}

void temp_db::run(std::string_view sql) const {
  exec(uri_, sql);
}

std::vector<std::vector<std::string>> temp_db::rows(std::string_view sql) const {
  const rows_ptr r = exec(uri_, sql);
  std::vector<std::vector<std::string>> out;
  for (int row = 0; row < PQntuples(r.get()); ++row) {
    auto& line = out.emplace_back();
    for (int col = 0; col < PQnfields(r.get()); ++col)
      line.emplace_back(PQgetisnull(r.get(), row, col) != 0 ? "NULL" : PQgetvalue(r.get(), row, col));
  }
  return out;
}

std::string temp_db::value(std::string_view sql) const {
  return rows(sql).at(0).at(0);
}

temp_role::temp_role(const temp_db& db) : db_(db), name_("role_of_" + db.value("SELECT current_database()")) {
  // A password, because a cluster may ask everybody for one.
  db_.run("CREATE ROLE " + name_ + " LOGIN PASSWORD '" + name_ + "'");
}

temp_role::~temp_role() {
  try {
    db_.run("DROP OWNED BY " + name_ + "; DROP ROLE " + name_);
  } catch (const std::exception&) {
    // A cluster that is gone took the role with it.
  }
}

std::string temp_role::uri() const {
  return db_.uri() + " user=" + name_ + " password=" + name_;
}

}  // namespace gridlight::test
