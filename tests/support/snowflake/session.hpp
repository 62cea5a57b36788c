#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/support/snowflake/settings.hpp"
#include "tests/support/snowflake/statement.hpp"

namespace gridlight::test::snowflake {

/// Runs what a POST asks for, on a Postgres session of its own, and ends `own` with the outcome. `keep` is
/// called with each statement of a multi-statement request, ended. Never throws.
void run_work(const work& what, const settings& how, statement& own,
              const std::function<void(std::shared_ptr<statement>)>& keep);

}  // namespace gridlight::test::snowflake
