#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.hpp"

namespace gridlight::sync {

/// What is to be done for one table of sync.tables.
struct table_plan {
  sync_table_config config;
  std::string schema, table;         ///< in Postgres
  std::vector<std::string> key;      ///< its columns there
  std::vector<layer_config> layers;  ///< all that are made of the table; may be none

  const std::string& name() const noexcept { return config.name; }
  sync_mode mode() const noexcept { return config.mode; }
  bool pulls() const noexcept { return config.mode != sync_mode::push; }
  bool from_snowflake() const noexcept { return config.mode != sync_mode::mirrored; }
};

/// The tables that are kept, in the config's order. Fails with errc::input where a layer is not gridlight's
/// to write.
result<std::vector<table_plan>> make_plans(const config& settings);

/// The one of this name, or of this layer. Fails with errc::input, naming those that there are.
result<const table_plan*> find_plan(std::span<const table_plan> plans, std::string_view name);

}  // namespace gridlight::sync
