#include "tests/support/snowflake/session.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

namespace gridlight::test::snowflake {
namespace {

constexpr int rows_at_once = 2'000;

/// One request's Postgres session.
class session {
 public:
  session(const work& what, const settings& how, statement& own)
      : what_(what), how_(how), own_(own), db_(how.database), where_(what.where) {
    check_place();
    own_.cancel_by(db_.canceller());
    check_cancel();
    if (what.timeout.count() > 0) db_.run(fmt::format("SET statement_timeout = '{}s'", what.timeout.count()));
    db_.run("SET cursor_tuple_fraction = 1; SET snowflake.tracks = " +
            std::string{how.tracks_by_default ? "on" : "off"});
    enter();
  }
  ~session() { own_.cancel_by(nullptr); }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  statement::outcome run(tokens sql, const binds& values, bool multi);
  std::shared_ptr<const result_set> table(const std::string& select);

 private:
  // A cancel that came while Postgres was idle has been lost to it.
  void check_cancel() const {
    if (own_.cancelled()) throw sql_failure{422, "000604", "57014", "SQL execution canceled"};
  }
  void check_place();
  void enter();
  bool in_session_command(const translation& t, bool multi);
  void use(const tokens& sql);

  const work& what_;
  const settings& how_;
  statement& own_;
  database db_;
  place where_;
  bool in_transaction_ = false;
};

void session::check_place() {
  const auto exists = [&](const std::string& like) {
    return db_.value("SELECT 1 FROM pg_namespace WHERE nspname " + like + " LIMIT 1").has_value();
  };
  const std::string folded = swap_case(where_.database);
  if (!where_.warehouse.empty() && !how_.warehouses.contains(where_.warehouse))
    throw sql_failure{422, "391920", "02000",
                      "Unable to run the command. Warehouse does not exist: " + where_.warehouse};
  if (!where_.role.empty() && !how_.roles.contains(where_.role))
    throw sql_failure{422, "391921", "02000",
                      "Unable to run the command. Role does not exist: " + where_.role};
  if (where_.database.empty()) return;
  if (!exists("= " + db_.literal(folded + ".information_schema")))
    throw sql_failure{422, "391918", "02000",
                      "Unable to run the command. Database does not exist: " + where_.database};
  if (!where_.schema.empty() && !exists("= " + db_.literal(folded + "." + swap_case(where_.schema))))
    throw sql_failure{422, "391919", "02000",
                      "Unable to run the command. Schema does not exist: " + where_.schema};
}

void session::enter() {
  const std::string schema = swap_case(where_.database + "." + where_.schema);
  db_.run("SET search_path = " + db_.name(schema) + ", snowflake, public");
}

// USE [DATABASE | SCHEMA | WAREHOUSE | ROLE] name
void session::use(const tokens& sql) {
  const std::string name = upper(sql.back().text);
  if (sql.size() > 2 && sql[1].is("SCHEMA"))
    where_.schema = name;
  else if (sql.size() > 2 && sql[1].is("WAREHOUSE"))
    where_.warehouse = name;
  else if (sql.size() > 2 && sql[1].is("ROLE"))
    where_.role = name;
  else
    where_.database = name;
  check_place();
  enter();
}

// True when that was all; BEGIN and its like work inside a multi-statement request only.
bool session::in_session_command(const translation& t, bool multi) {
  if (t.type != translation::kind::session) return false;
  if (!multi) throw unsupported(t.verb);
  if (t.verb == "USE") {
    use(split_tokens(t.sql));
  } else if (t.verb == "BEGIN" || t.verb == "COMMIT" || t.verb == "ROLLBACK") {
    db_.run(t.verb);
    in_transaction_ = t.verb == "BEGIN";
  }
  return true;
}

std::shared_ptr<const result_set> session::table(const std::string& select) {
  auto out = std::make_shared<result_set>(how_);
  db_.run("DECLARE rows NO SCROLL CURSOR FOR " + select);
  const std::string fetch = fmt::format("FETCH {} FROM rows", rows_at_once);
  for (bool first = true;; first = false) {
    const database::rows some = db_.run(fetch);
    if (first) out->begin(describe_columns(db_, some.get(), what_.given));
    for (int i = 0; i < PQntuples(some.get()); ++i)
      out->add(some.get(), i);
    check_cancel();
    if (PQntuples(some.get()) < rows_at_once) break;
  }
  db_.run("CLOSE rows");
  out->finish();
  return out;
}

std::string dml_select(const std::string& verb, const dml_counts& n) {
  const std::string inserted = fmt::format(R"({}::bigint AS "NUMBER OF ROWS INSERTED")", n.inserted);
  const std::string updated = fmt::format(R"({}::bigint AS "NUMBER OF ROWS UPDATED")", n.updated);
  if (verb == "INSERT") return "SELECT " + inserted;
  if (verb == "UPDATE")
    return "SELECT " + updated + R"(, 0::bigint AS "NUMBER OF MULTI-JOINED ROWS UPDATED")";
  if (verb == "MERGE") return "SELECT " + inserted + ", " + updated;
  return fmt::format(R"(SELECT {}::bigint AS "NUMBER OF ROWS DELETED")", n.deleted);
}

statement::outcome session::run(tokens sql, const binds& values, bool multi) {
  put_binds(sql, values, db_, how_.array_binds);
  if (!in_transaction_ && !sql.empty() && !sql[0].is("BEGIN") && !sql[0].is("USE")) db_.run("BEGIN");
  const translation t = translate(std::move(sql), where_, how_, db_);
  statement::outcome out;
  if (in_session_command(t, multi)) {
    if (!in_transaction_) db_.run("BEGIN");
    out.rows = table("SELECT 'Statement executed successfully.' AS status");
    if (!in_transaction_) db_.run("COMMIT");
    return out;
  }
  for (const std::string& before : t.before)
    db_.run(before);
  if (t.type == translation::kind::select) {
    out.rows = table(t.sql);
  } else {
    db_.run(
        "SELECT set_config('snowflake.' || c, '0', false) FROM unnest('{insert,update,delete}'::text[]) c");
    db_.run(t.sql);
    if (t.type == translation::kind::dml) {
      const auto count = [&](const char* what) {
        return std::atoll(db_.value(fmt::format("SELECT current_setting('snowflake.{}')", what))->c_str());
      };
      out.counts = dml_counts{count("insert"), count("update"), count("delete")};
    }
    out.rows = table(out.counts ? dml_select(t.verb, *out.counts)
                                : "SELECT 'Statement executed successfully.' AS \"STATUS\"");
  }
  for (const std::string& after : t.after)
    db_.run(after);
  if (!in_transaction_) db_.run("COMMIT");
  return out;
}

statement::outcome run_many(session& s, const std::vector<tokens>& all, const std::string& own_handle,
                            const std::function<void(std::shared_ptr<statement>)>& keep) {
  statement::outcome out;
  for (const tokens& one : all) {
    auto child = std::make_shared<statement>(new_handle());
    out.children.push_back(child->handle());
    try {
      child->end(s.run(one, {}, true));
      keep(child);
    } catch (const sql_failure& f) {
      statement::outcome failed;
      failed.failure = f;
      child->end(std::move(failed));
      keep(child);
      if (f.sql_state == "57014") throw;
      throw sql_failure{
          422, "100132", "P0000",
          fmt::format("JavaScript execution error: Uncaught Execution of multiple statements failed on "
                      "statement \"{}\" (at line 1, position 0).\n{} [{}]",
                      join(one), f.what(), own_handle)};
    }
  }
  return out;
}

statement::outcome run_all(const work& what, const settings& how, statement& own,
                           const std::function<void(std::shared_ptr<statement>)>& keep) {
  const auto all = split_statements(split_tokens(what.sql));
  const auto given = what.given.find("MULTI_STATEMENT_COUNT");
  const auto desired =
      static_cast<std::size_t>(given == what.given.end() ? 1 : std::atoi(given->second.c_str()));
  if (desired != 0 && all.size() != desired)
    throw sql_failure{422, "000008", "0A000",
                      fmt::format("Actual statement count {} did not match the desired statement count {}.",
                                  all.size(), desired)};
  session s{what, how, own};
  if (all.size() == 1) return s.run(all[0], what.values, false);
  if (!what.values.empty())
    throw sql_failure{422, "391912", "0A000",
                      "Bind variables are not supported in multi-statement requests."};
  statement::outcome out = run_many(s, all, own.handle(), keep);
  session fresh{what, how, own};
  out.rows =
      fresh
          .run(split_tokens(
                   "SELECT 'Multiple statements executed successfully.' AS \"multiple statement execution\""),
               {}, false)
          .rows;
  return out;
}

// A cancelled statement and one that ran too long look alike to Postgres.
sql_failure told(const sql_failure& f, const work& what, const statement& own) {
  if (f.code != "000604" || own.cancelled()) return f;
  return {
      408, "000630", "57014",
      fmt::format("Statement reached its statement or warehouse timeout of {} second(s) and was canceled.",
                  what.timeout.count())};
}

}  // namespace

void run_work(const work& what, const settings& how, statement& own,
              const std::function<void(std::shared_ptr<statement>)>& keep) {
  statement::outcome out;
  try {
    const bool too_long = what.timeout.count() > 0 && how.delay > what.timeout;
    const auto delay = too_long ? std::chrono::milliseconds{what.timeout} : how.delay;
    if ((delay.count() > 0 && !own.pause(delay)) || too_long)
      throw sql_failure{422, "000604", "57014", "SQL execution canceled"};
    out = run_all(what, how, own, keep);
  } catch (const sql_failure& f) {
    out.failure = told(f, what, own);
  } catch (const std::exception& e) {
    out.failure =
        sql_failure{500, "000603", "XX000", std::string{"SQL execution internal error: "} + e.what()};
  }
  own.end(std::move(out));
}

}  // namespace gridlight::test::snowflake
