#include "api/circuit_conditions.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

// Version and rows of one snapshot.
const postgres::statement& conditions_statement() {
  static const postgres::statement s{
      "SELECT s.version, c.circuit_id, c.condition FROM gridlight.layer_state s LEFT JOIN "
      "gridlight.circuit_condition c ON true WHERE s.layer = 'circuit_condition'",
      {},
      {oid::int8, oid::text, oid::text}};
  return s;
}

}  // namespace

circuit_conditions::circuit_conditions(const postgres::result_set& rows, std::uint64_t history)
    : history_{history} {
  of_.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    version_ = rows.integer(row, 0);
    if (!rows.is_null(row, 1)) of_.emplace(rows.text(row, 1), rows.text(row, 2));
  }
}

std::string_view circuit_conditions::of(std::string_view circuit) const noexcept {
  const auto found = of_.find(circuit);
  return found == of_.end() ? std::string_view{} : found->second;
}

boost::asio::awaitable<result<conditions_ptr>> condition_store::at(std::int64_t version,
                                                                   std::uint64_t history,
                                                                   postgres::pool& pool, deadline until,
                                                                   postgres::query_timing& timing,
                                                                   postgres::urgency rank) {
  {
    const std::lock_guard guard{lock_};
    if (held_ && held_->are_of(version, history)) co_return held_;
  }
  const postgres::arguments none;
  const auto rows = co_await pool.query(postgres::lane::tile, conditions_statement(), none, until, timing,
                                        postgres::share::no, rank);
  if (!rows) co_return rows.error();
  auto read = std::make_shared<const circuit_conditions>(*rows, history);
  const std::lock_guard guard{lock_};
  held_ = read;
  co_return conditions_ptr{std::move(read)};
}

}  // namespace gridlight::api
