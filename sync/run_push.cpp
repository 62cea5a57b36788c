#include "sync/table_run.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;

awaitable<result<void>> table_run::push() {
  co_return failure{errc::not_implemented, "push"};
}

}  // namespace gridlight::sync
