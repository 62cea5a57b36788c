#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "geo/text_sink.hpp"

namespace gridlight::bench {

/// Tells what a pass of the loop did, so that the time of one item can be shown.
/// \param item  what an item is: "row", "request"  \param bytes  read or written in a pass
inline void tally(benchmark::State& state, const char* item, std::size_t items, std::size_t bytes) {
  state.SetLabel(item);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

/// Lets `write` fill room that is kept from one pass to the next, as answers are; returns the bytes written.
template <class Write>
std::size_t write_into(std::string& room, Write write) {
  geo::text_sink out{geo::text_sink::kept_room{room}};
  write(out);
  const char* const written = out.text().data();
  benchmark::DoNotOptimize(written);
  benchmark::ClobberMemory();
  return out.size();
}

}  // namespace gridlight::bench
