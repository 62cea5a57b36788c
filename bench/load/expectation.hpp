#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/connection.hpp"

namespace gridlight::bench {

/// What a body must be.
enum class shape {
  any,
  json,      ///< well-formed JSON
  array,     ///< a JSON array with at least one element
  features,  ///< GeoJSON: numberReturned is the number of its features
  columns,   ///< f=columns: ids, positions or offsets and every column are as long as its length says
  tile       ///< a vector tile: protobuf whose every layer has a name and version 2 or 1
};
/// \throws usage_error with the names there are
shape shape_named(std::string_view name);

/// What every answer to a kind of request must be; anything else counts as an error, never as speed.
struct expectation {
  std::vector<int> statuses{200};
  std::string type;  ///< that Content-Type begins with; empty: any
  shape form = shape::any;
  std::size_t min_bytes = 1, max_bytes = 64 << 20;  ///< of the body as sent, for statuses that have one
};

/// Looks at answers; keeps its buffers. For one thread.
class checker {
 public:
  checker();
  ~checker();
  /// The kind of fault ("status 503", "body: …"), the same text for all alike; empty when the answer is
  /// right.
  std::string fault(const answer& got, const expectation& want);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gridlight::bench
