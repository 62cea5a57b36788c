#include <doctest/doctest.h>

#include "sync/staging.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;

namespace {

struct looked_at {
  test::temp_db db;

  explicit looked_at(const std::string& sql) {
    db.run("CREATE TABLE places (id text PRIMARY KEY, kind int, other text); " + sql);
  }

  // What stands in the way of whoever `uri` names; empty: nothing.
  std::string obstacles(std::string uri = {}) const {
    config settings = *parse_config("", "test");
    settings.postgres.uri = secret{uri.empty() ? db.uri() : uri};
    const auto shape = postgres::run_blocking(
        [&](boost::asio::any_io_executor executor) { return read(executor, settings); });
    if (shape) return {};
    const std::string_view before = "\"public\".\"places\" cannot be replaced while these hang on it: ";
    REQUIRE_MESSAGE(shape.error().detail.starts_with(before),
                    shape.error().detail << shape.error().log_detail);
    return shape.error().detail.substr(before.size());
  }
  static boost::asio::awaitable<result<sync::table_shape>> read(boost::asio::any_io_executor executor,
                                                                const config& settings) {
    auto session = co_await sync::open_for_command(executor, settings.postgres, "test");
    REQUIRE(session.has_value());
    co_return co_await sync::read_shape(*session, "public", "places");
  }
};

}  // namespace

TEST_CASE("what a swap cannot carry over is named, each by itself and all together") {
  const std::vector<std::pair<std::string, std::string>> each{
      {"CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM places", "materialized view counted"},
      {"CREATE RULE quiet AS ON DELETE TO places DO INSTEAD NOTHING", "rule quiet of places"},
      {"CREATE VIEW v AS SELECT 1 AS a; CREATE RULE away AS ON INSERT TO v DO INSTEAD DELETE FROM places",
       "rule away of v"},
      {"CREATE TABLE b (a text CONSTRAINT b_places REFERENCES places)", "foreign key b_places of b"},
      {"CREATE TABLE b (a text PRIMARY KEY); ALTER TABLE places ADD CONSTRAINT to_b FOREIGN KEY (other) "
       "REFERENCES b",
       "foreign key to_b of places"},
      {"ALTER TABLE places ADD CONSTRAINT alone EXCLUDE USING btree (other WITH =)",
       "exclusion constraint alone of places"},
      {"CREATE TABLE below () INHERITS (places)", "inheritance with below"},
      {"CREATE TABLE above (kind int); ALTER TABLE places INHERIT above", "inheritance with above"},
      {"CREATE PUBLICATION told FOR TABLE places", "publication told"},
      {"CREATE FUNCTION f() RETURNS SETOF places LANGUAGE sql AS 'SELECT * FROM places'", "function f()"},
      {"CREATE FUNCTION n() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM places; END",
       "function n()"},
      {"CREATE TABLE b (a text, whole places[])", "column whole of table b"},
      {"CREATE VIEW whole AS SELECT p FROM places p", "column p of view whole"},
      {"CREATE TABLE b (a text); CREATE POLICY seen ON b USING (a IN (SELECT id FROM places))",
       "policy seen on table b"},
      {"CREATE PUBLICATION all_of_it FOR ALL TABLES", "publication all_of_it"},
      {"CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA public", "publication of_schema"},
  };
  for (const auto& [sql, names] : each) {
    CAPTURE(sql);
    CHECK(looked_at{sql}.obstacles() == names);
  }
  const looked_at several{each[0].first + ";" + each[1].first + ";" + each[3].first + ";" + each[9].first +
                          "; CREATE VIEW fine AS SELECT * FROM places"};
  CHECK(several.obstacles() ==
        "foreign key b_places of b, function f(), materialized view counted, rule quiet of places");
}

TEST_CASE("a table of a composite type cannot be made anew column by column") {
  const looked_at t{
      "DROP TABLE places; CREATE TYPE place AS (id text); CREATE TABLE places OF place (PRIMARY KEY (id))"};
  CHECK(t.obstacles() == "type place, which it is of");
}

TEST_CASE("views are as many as can be made anew within the time that readers may wait") {
  std::string views;
  for (int n = 1; n <= 20; ++n)
    views += "CREATE VIEW v" + std::to_string(n) + " AS SELECT id FROM places; ";
  const looked_at t{views};
  CHECK(t.obstacles() == "");
  t.db.run("CREATE VIEW above AS SELECT * FROM v1");
  CHECK(t.obstacles() == "");
  t.db.run("CREATE VIEW v21 AS SELECT id FROM places");
  CHECK(t.obstacles() == "21 views, where at most 20 can be made anew while readers wait");
}

TEST_CASE("a temporary view is its session's own") {
  test::temp_db db;
  db.run("CREATE TABLE places (id text PRIMARY KEY)");
  config settings = *parse_config("", "test");
  settings.postgres.uri = secret{db.uri()};
  // A coroutine outlives no temporary, so the session is opened in a function of its own.
  struct body {
    static boost::asio::awaitable<result<sync::table_shape>> run(boost::asio::any_io_executor executor,
                                                                 const config& c) {
      auto session = co_await sync::open_for_command(executor, c.postgres, "test");
      REQUIRE(session.has_value());
      const auto made = co_await session->execute("CREATE TEMPORARY VIEW mine AS SELECT * FROM places",
                                                  sync::command_deadline());
      REQUIRE(made.has_value());
      co_return co_await sync::read_shape(*session, "public", "places");
    }
  };
  const auto shape = postgres::run_blocking([&](auto executor) { return body::run(executor, settings); });
  REQUIRE(shape.has_error());
  CHECK(shape.error().detail.ends_with("hang on it: temporary view mine"));
}

TEST_CASE("a role without the right to a view, its schema or all rows is told which") {
  looked_at t{"CREATE SCHEMA closed; CREATE VIEW theirs AS SELECT id FROM places"};
  const test::temp_role owner{t.db};
  const auto& name = owner.name();
  t.db.run("ALTER TABLE places OWNER TO " + name +
           "; CREATE VIEW closed.own AS SELECT id FROM places; ALTER VIEW "
           "closed.own OWNER TO " +
           name);
  const std::string super = t.db.value("SELECT current_user");
  CHECK(t.obstacles(owner.uri()) == "view closed.own (" + name +
                                        " may not CREATE in schema closed), view theirs (it "
                                        "belongs to " +
                                        super + ", which " + name + " is no member of)");
  CHECK(t.obstacles() == "");
  t.db.run("GRANT CREATE, USAGE ON SCHEMA closed TO " + name + "; ALTER VIEW theirs OWNER TO " + name +
           "; GRANT CREATE ON SCHEMA public TO " + name);
  CHECK(t.obstacles(owner.uri()) == "");
  t.db.run("ALTER TABLE places ENABLE ROW LEVEL SECURITY");
  CHECK(t.obstacles(owner.uri()) == "");
  t.db.run("ALTER TABLE places FORCE ROW LEVEL SECURITY");
  CHECK(t.obstacles(owner.uri()) == "row level security (" + name + " is subject to it)");
  CHECK(t.obstacles() == "");
}

TEST_CASE("a role that cannot make again what hangs on the table is told what") {
  looked_at t{
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE "
      "TRIGGER "
      "told AFTER DELETE ON places EXECUTE FUNCTION nothing(); CREATE STATISTICS pairs ON kind, other FROM "
      "places"};
  const test::temp_db second, third;
  const test::temp_role owner{t.db}, group{second}, other{third};
  const std::string name = owner.name();
  t.db.run("ALTER TABLE places OWNER TO " + name + "; GRANT CREATE ON SCHEMA public TO " + name);
  const std::string super = t.db.value("SELECT current_user");
  t.db.run("REVOKE EXECUTE ON FUNCTION nothing() FROM PUBLIC; GRANT SELECT ON places TO " + other.name() +
           " WITH GRANT OPTION; SET ROLE " + other.name() + "; GRANT SELECT ON places TO " + group.name());
  CHECK(t.obstacles(owner.uri()) == "grants that " + other.name() + " made (" + name +
                                        " is no member of it), statistics pairs (they belong to " + super +
                                        ", which " + name + " is no member of), trigger told (" + name +
                                        " may not EXECUTE nothing())");
  CHECK(t.obstacles() == "");
  t.db.run("GRANT EXECUTE ON FUNCTION nothing() TO " + name + "; REVOKE SELECT ON places FROM " +
           other.name() + " CASCADE; ALTER STATISTICS pairs OWNER TO " + name);
  CHECK(t.obstacles(owner.uri()) == "");
  t.db.run("GRANT " + group.name() + " TO " + name + "; ALTER TABLE places OWNER TO " + group.name());
  CHECK(t.obstacles(owner.uri()) == "its owner " + group.name() + " (who may not CREATE in schema public)");
  CHECK(t.obstacles() == "");
  t.db.run("GRANT CREATE ON SCHEMA public TO " + group.name());
  CHECK(t.obstacles(owner.uri()) == "");
  t.db.run("DROP TABLE places; REVOKE ALL ON SCHEMA public FROM " + group.name());
}

TEST_CASE("publications of all tables tell nothing of what a table is merged from") {
  test::temp_db other;
  test::sync_bench b;
  test::mirror_places(b, other, "swap: merge, ");
  b.db.run(
      "CREATE TABLE made (as_what text); CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
      "BEGIN INSERT INTO made SELECT relpersistence FROM pg_event_trigger_ddl_commands() c JOIN pg_class t "
      "ON "
      "t.oid = c.objid WHERE relname LIKE 'gridlight_new_%' AND relkind = 'r'; END $$; CREATE EVENT TRIGGER "
      "noted ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION note(); "
      "CREATE PUBLICATION all_of_it FOR ALL TABLES");
  other.run("INSERT INTO stations SELECT 'S' || n, 'x', 29, -95 FROM generate_series(1, 3000) n");
  CHECK(test::did(b.run("places")) == "merged +3000 ~0 -0 =3000");
  CHECK(b.db.value("SELECT string_agg(as_what, ' ') FROM made") == "u");
}
