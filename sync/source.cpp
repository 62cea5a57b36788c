#include "sync/source.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;

std::string_view name(value_class c) noexcept {
  constexpr std::string_view names[] = {
      "a number", "text",  "a boolean", "a date",     "a time of day",  "a time without a zone",
      "a time",   "bytes", "JSON",      "a geometry", "of another kind"};
  return names[static_cast<std::size_t>(c)];
}

awaitable<result<void>> each_row(source& from, source_query q, deadline until,
                                 std::function<result<void>(const source_row&)> row) {
  const auto rows = co_await from.read(std::move(q), until);
  if (!rows) co_return rows.error();
  for (;;) {
    auto batch = co_await (*rows)->next();
    if (!batch) co_return batch.error();
    if (!*batch) co_return result<void>{};
    for (source_row one;;) {
      const auto more = (*batch)->next(one);
      if (!more) co_return more.error();
      if (!*more) break;
      if (!one.error.empty()) co_return failure{errc::internal, one.error};
      auto taken = row(one);
      if (!taken) co_return taken;
    }
  }
}

awaitable<result<std::vector<std::optional<std::string>>>> first_row(source& from, source_query q,
                                                                     deadline until) {
  q.brief = true;
  std::optional<std::vector<std::optional<std::string>>> out;
  const std::function<result<void>(const source_row&)> take = [&out](const source_row& row) {
    if (out) return result<void>{};
    out.emplace();
    for (const cell& c : row.cells)
      out->push_back(c.is == cell::kind::null ? std::nullopt : std::optional{std::string{c.text}});
    return result<void>{};
  };
  const auto read = co_await each_row(from, std::move(q), until, take);
  if (!read) co_return read.error();
  if (!out) co_return failure{errc::internal, "the source gave no row where one is certain"};
  co_return *std::move(out);
}

awaitable<result<std::vector<source_column>>> describe(source& from, std::string relation, deadline until) {
  source_query q{"SELECT * FROM " + relation + " AS gridlight_source WHERE 1 = 0", {}, true};
  const auto rows = co_await from.read(std::move(q), until);
  if (!rows) co_return rows.error();
  co_return (*rows)->columns();
}

}  // namespace gridlight::sync
