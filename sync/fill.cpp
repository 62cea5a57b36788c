#include "sync/fill.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::size_t chunk = 256 * 1024, most_rejects = 1000;

std::string text_of(const cell& c) {
  switch (c.is) {
    case cell::kind::null:
      return {};
    case cell::kind::number:
      return fmt::format("{}", c.number);
    case cell::kind::integer:
    case cell::kind::boolean:
      return std::to_string(c.integer);
    default:
      return std::string{c.text.substr(0, 2000)};
  }
}

rejected_row rejected(const source_row& row, const fill_request& request, std::string reason) {
  rejected_row out;
  out.reason = std::move(reason);
  for (std::size_t i = 0; i < row.cells.size() && i < request.columns.size(); ++i)
    if (row.cells[i].is != cell::kind::null)
      out.values.emplace_back(request.columns[i], text_of(row.cells[i]));
  for (const std::size_t k : request.key)
    if (k < row.cells.size()) out.key.append(out.key.empty() ? "" : ", ").append(text_of(row.cells[k]));
  return out;
}

struct filler {
  connection& db;
  batch_reader& rows;
  row_encoder& encoder;
  fill_request request;
  filled& out;
  std::string buffer = row_encoder::header();

  failure too_many() const {
    const rejected_row& first = out.rejects.front();
    return {errc::input, fmt::format("{} bad row{} where at most {} may be (max_errors); the first, {}: {}",
                                     out.rejected, out.rejected == 1 ? "" : "s", request.max_errors,
                                     first.key.empty() ? "without a key" : first.key, first.reason)};
  }

  awaitable<result<void>> flush() {
    auto put = co_await db.copy_put(std::as_bytes(std::span{buffer}), command_deadline());
    buffer.clear();
    // Where the database is quick this never waits: others have their turn here.
    co_await boost::asio::post(boost::asio::use_awaitable);
    if (request.progress) request.progress(out.read);
    co_return put;
  }

  awaitable<result<void>> batch(row_source& from) {
    for (source_row row;;) {
      const auto more = from.next(row);
      if (!more) co_return more.error();
      if (!*more) co_return result<void>{};
      ++out.read;
      std::string reason = row.error.empty() ? encoder.encode(row, buffer) : row.error;
      if (reason.empty()) {
        ++out.stored;
      } else {
        out.reject(rejected(row, request, std::move(reason)));
        if (out.rejected > request.max_errors) co_return too_many();
      }
      if (buffer.size() < chunk) continue;
      const auto put = co_await flush();
      if (!put) co_return put.error();
    }
  }

  awaitable<result<void>> all() {
    for (;;) {
      auto part = co_await rows.next();
      if (!part) co_return part.error();
      out.bytes = rows.bytes();
      if (!*part) break;
      const auto done = co_await batch(**part);
      if (!done) co_return done.error();
    }
    const auto promised = rows.promised();
    if (promised && *promised != static_cast<std::uint64_t>(out.read))
      co_return failure{errc::conflict,
                        fmt::format("the source promised {} rows and gave {}", *promised, out.read)};
    buffer += row_encoder::trailer();
    co_return co_await flush();
  }
};

}  // namespace

void filled::reject(rejected_row r) {
  ++rejected;
  if (rejects.size() < most_rejects) rejects.push_back(std::move(r));
}

awaitable<result<void>> fill(connection& db, batch_reader& rows, row_encoder& encoder, fill_request request,
                             filled& out) {
  const auto begun = co_await db.copy_begin(request.copy_sql, command_deadline());
  if (!begun) co_return begun.error();
  filler f{db, rows, encoder, std::move(request), out};
  const auto done = co_await f.all();
  if (!done) {
    if (!db.broken()) co_await db.copy_abort("the sync failed", command_deadline());
    co_return done.error();
  }
  const auto stored = co_await db.copy_finish(command_deadline());
  if (!stored) co_return stored.error();
  co_return result<void>{};
}

}  // namespace gridlight::sync
