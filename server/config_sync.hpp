#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/config_keys.hpp"
#include "server/config_layers.hpp"
#include "server/config_reader.hpp"
#include "server/sync_config.hpp"

namespace gridlight::config_detail {

std::span<const layer_key_help> sync_table_keys();

/// The map under `sync.tables:`, on top of those that are there: a key that is given wins, others stay. Each
/// name that is read is said to `seen`.
void read_sync_tables(yaml_reader& yaml, const YAML::Node& node, std::vector<sync_table_config>& tables,
                      std::vector<std::pair<std::string, YAML::Node>>& seen);

void dump_sync_table(std::string& out, const sync_table_config& t);

/// Faults of the tables among themselves and with the rest.
void check_sync(const config& c, std::vector<contradiction>& out);

/// Whether the table is one to keep: given by somebody, or built in with its layer and Snowflake there.
bool in_force(const config& c, const sync_table_config& t);

bool is_schedule(std::string_view text);   ///< an interval or a cron line of five fields
bool is_zone_name(std::string_view text);  ///< UTC, +HH:MM or a name such as America/Chicago; empty too

}  // namespace gridlight::config_detail
