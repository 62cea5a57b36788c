#pragma once

#include <memory>
#include <vector>

#include "sync/load/rows.hpp"
#include "sync/snowflake/client.hpp"

namespace gridlight::sync::snowflake {

/// The rows of one partition, one after the other, unpacked as they are read: memory is the packed bytes, a
/// window, and the longest row. Cells come as row_encoder takes them (see decode.hpp); a row with a value
/// that cannot be read has `error` set. Fails with errc::internal on data that is no partition of these
/// columns: damaged or cut off, other counts of cells or rows, more bytes than allowed. \param columns  must
/// outlive it
std::unique_ptr<row_source> open_partition(partition_body body, const std::vector<column>& columns);

}  // namespace gridlight::sync::snowflake
