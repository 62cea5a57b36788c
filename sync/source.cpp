#include "sync/source.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;

std::string_view name(value_class c) noexcept {
  constexpr std::string_view names[] = {
      "a number", "text",  "a boolean", "a date",     "a time of day",  "a time without a zone",
      "a time",   "bytes", "JSON",      "a geometry", "of another kind"};
  return names[static_cast<std::size_t>(c)];
}

awaitable<result<std::vector<std::optional<std::string>>>> first_row(source& from, source_query q,
                                                                     deadline until) {
  q.brief = true;
  const auto rows = co_await from.read(std::move(q), until);
  if (!rows) co_return rows.error();
  std::vector<std::optional<std::string>> out;
  bool found = false;
  for (;;) {
    auto batch = co_await (*rows)->next();
    if (!batch) co_return batch.error();
    if (!*batch) break;
    for (source_row row;;) {
      const auto more = (*batch)->next(row);
      if (!more) co_return more.error();
      if (!*more) break;
      if (!row.error.empty()) co_return failure{errc::internal, row.error};
      if (found) continue;
      found = true;
      for (const cell& c : row.cells) {
        if (c.is == cell::kind::null)
          out.emplace_back();
        else
          out.emplace_back(std::string{c.text});
      }
    }
  }
  if (!found) co_return failure{errc::internal, "the source gave no row where one is certain"};
  co_return out;
}

awaitable<result<std::vector<source_column>>> describe(source& from, std::string relation, deadline until) {
  source_query q{"SELECT * FROM " + relation + " AS gridlight_source WHERE 1 = 0", {}, true};
  const auto rows = co_await from.read(std::move(q), until);
  if (!rows) co_return rows.error();
  co_return (*rows)->columns();
}

}  // namespace gridlight::sync
