#pragma once

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <simdjson.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "api/postgis_source.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"

namespace gridlight::test {

/// A database with a pool of one connection on it, and what asks it synchronously.
class lookup_bench {
 public:
  /// \param readable  a schema that the pool's role may read, and nothing else; empty: it is the owner's
  explicit lookup_bench(std::string_view schema_sql, const std::string& readable = {}) {
    db.run(schema_sql);
    if (!readable.empty()) {
      reader.emplace(db);
      db.run("GRANT USAGE ON SCHEMA " + readable + " TO " + reader->name() +
             "; GRANT SELECT ON ALL TABLES IN SCHEMA " + readable + " TO " + reader->name());
    }
    reference_.reset(PQconnectdb(db.uri().c_str()));
    // The reference reads whole tables: no index may help it to a wrong answer.
    rows("SET enable_indexscan = off");
    rows("SET enable_bitmapscan = off");
    rows("SET max_parallel_workers_per_gather = 0");
    postgres::connect_options connect;
    connect.uri = secret{reader ? reader->uri() : db.uri()};
    postgres::pool_options options;
    for (auto& lane : options.lanes)
      lane = {1, 64};
    options.warm_up_sql = std::string{api::lookup_session_sql};
    pool = std::make_unique<postgres::pool>(io.get_executor(), connect, options);
    pool->start();
  }
  ~lookup_bench() {
    if (!pool) return;
    boost::asio::co_spawn(io, pool->stop(), [](std::exception_ptr) {});
    io.run_for(std::chrono::seconds{5});
  }

  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> out;
    std::exception_ptr thrown;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr e, T v) {
      thrown = e;
      if (!e) out.emplace(std::move(v));
    });
    io.restart();
    while (!out && !thrown && io.run_one() > 0) {
    }
    if (thrown) std::rethrow_exception(thrown);
    return std::move(out.value());
  }

  /// Rows as texts on the reference connection.
  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> r{PQexec(reference_.get(), sql.c_str()), PQclear};
    const auto status = PQresultStatus(r.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      throw std::runtime_error{PQerrorMessage(reference_.get()) + sql};
    std::vector<std::vector<std::string>> out;
    for (int row = 0; row < PQntuples(r.get()); ++row) {
      auto& line = out.emplace_back();
      for (int col = 0; col < PQnfields(r.get()); ++col)
        line.emplace_back(PQgetvalue(r.get(), row, col));
    }
    return out;
  }

  /// How fast is for others to say: here only a hang fails, on however busy a machine.
  api::effort effort() { return {deadline_in(std::chrono::minutes{10}), timing}; }

  temp_db db;
  std::optional<temp_role> reader;
  boost::asio::io_context io;
  std::unique_ptr<postgres::pool> pool;
  http::request_timing timing;

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> reference_{nullptr, PQfinish};
};

struct found_feature {
  std::string id;
  double distance_m = 0;
};

/// Ids and distances of a page, in order; fails the test when the page is no JSON.
inline std::vector<found_feature> read_page(const api::feature_page& page) {
  simdjson::dom::parser parser;
  const std::string text = "[" + page.features + "]";
  simdjson::dom::element root;
  REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
  std::vector<found_feature> out;
  for (simdjson::dom::element feature : simdjson::dom::array{root}) {
    found_feature f;
    std::int64_t number = 0;
    std::string_view id;
    if (feature["id"].get(id) == simdjson::SUCCESS)
      f.id = std::string{id};
    else if (feature["id"].get(number) == simdjson::SUCCESS)
      f.id = std::to_string(number);
    double distance = 0;
    if (feature["properties"]["distance_m"].get(distance) == simdjson::SUCCESS) f.distance_m = distance;
    out.push_back(std::move(f));
  }
  CHECK(static_cast<std::int64_t>(out.size()) == page.count);
  return out;
}

/// How many random questions a test asks: few in every run, all with GRIDLIGHT_SOAK=1, or the share of them
/// that GRIDLIGHT_SOAK_SHARE names.
inline int questions(int seldom, int all) {
  return count_of(seldom, all);
}

inline unsigned seed() {
  const char* set = std::getenv("GRIDLIGHT_SEED");
  return set != nullptr ? static_cast<unsigned>(std::stoul(set)) : 20261120U;
}

}  // namespace gridlight::test
