// What tables under sync.tables have to be, each for itself and with the rest of the configuration.
#include <fmt/format.h>

#include <algorithm>

#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight::config_detail {
namespace {

// What is missing or in the way of one table; empty: nothing.
std::string fault_of(const config& c, const sync_table_config& t) {
  const bool has_layer = std::any_of(c.layers.begin(), c.layers.end(), [&](const layer_config& l) {
    return l.name == (t.layer.empty() ? t.name : t.layer);
  });
  if (t.table.empty() && !has_layer)
    return fmt::format("names no layer: {} is none; say layer or table", t.layer.empty() ? t.name : t.layer);
  if (!t.table.empty() && !t.layer.empty()) return "has layer and table; say one";
  if (!t.table.empty() && t.key.empty()) return "has no key; say which column tells its rows apart";
  const bool push = t.mode == sync_mode::push, mirrored = t.mode == sync_mode::mirrored;
  if (push && t.target.empty()) return "has mode push, which needs target";
  if (push && !(t.source.empty() && t.transform.empty() && t.where.empty()))
    return "has mode push, which reads the layer's table and needs no source, where or transform";
  if (!push && t.source.empty() == t.transform.empty()) return "needs source or transform, one of them";
  if (!t.transform.empty() && !t.where.empty()) return "has transform and where; say all in the transform";
  if ((push || t.mode == sync_mode::watermark) && t.watermark.empty())
    return fmt::format("has mode {}, which needs watermark", name(t.mode));
  if (t.mode == sync_mode::changes && !t.transform.empty())
    return "has mode changes, which reads a table (source): changes of a transform are not known";
  if (mirrored && t.connection.empty()) return "has mode mirrored, which needs connection";
  if (!mirrored && !t.connection.empty()) return "has a connection, which only mode mirrored uses";
  if (!mirrored && !c.sync.snowflake.configured())
    return fmt::format("has mode {}, which needs Snowflake: set sync.snowflake.account", name(t.mode));
  return {};
}

}  // namespace

bool is_zone_name(std::string_view text) {
  return text.size() <= 60 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view{"/_+-:"}.find(c) != std::string_view::npos;
         });
}

namespace {
// n, n-m, *, each with /step, joined by commas.
bool is_cron_field(std::string_view field, int least, int most) {
  if (field.empty()) return false;
  while (true) {
    const auto comma = field.find(',');
    std::string_view part = field.substr(0, comma);
    const auto slash = part.find('/');
    if (slash != part.npos) {
      const auto step = read_integer(part.substr(slash + 1));
      if (!step || *step < 1 || *step > most) return false;
      part = part.substr(0, slash);
    }
    if (part != "*") {
      const auto dash = part.find('-');
      const auto first = read_integer(part.substr(0, dash));
      const auto last = dash == part.npos ? first : read_integer(part.substr(dash + 1));
      if (!first || !last || *first < least || *last > most || *first > *last) return false;
    }
    if (comma == field.npos) return true;
    field.remove_prefix(comma + 1);
  }
}
}  // namespace

bool is_schedule(std::string_view text) {
  if (const auto every = read_duration(text))
    return *every >= std::chrono::seconds{1} && *every <= std::chrono::hours{24 * 31};
  constexpr std::pair<int, int> ranges[] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};
  std::size_t n = 0;
  for (std::string_view rest = trim(text); !rest.empty(); ++n) {
    const auto space = std::min(rest.find(' '), rest.size());
    if (n >= std::size(ranges) || !is_cron_field(rest.substr(0, space), ranges[n].first, ranges[n].second))
      return false;
    rest = trim(rest.substr(space));
  }
  return n == std::size(ranges);
}

bool in_force(const config& c, const sync_table_config& t) {
  if (!t.enabled) return false;
  return t.given || fault_of(c, t).empty();
}

void check_sync(const config& c, std::vector<contradiction>& out) {
  const auto& snow = c.sync.snowflake;
  if (snow.configured()) {
    if (snow.private_key_file.empty() && snow.token_file.empty())
      out.push_back({"sync.snowflake.account",
                     "sync.snowflake has no credentials: set sync.snowflake.private_key_file (with user) or "
                     "sync.snowflake.token_file"});
    if (!snow.private_key_file.empty() && !snow.token_file.empty())
      out.push_back(
          {"sync.snowflake.token_file", "sync.snowflake has private_key_file and token_file; set one"});
    if (!snow.private_key_file.empty() && (snow.user.empty() || snow.account.empty()))
      out.push_back({"sync.snowflake.private_key_file",
                     "sync.snowflake.private_key_file needs sync.snowflake.account and sync.snowflake.user"});
  }
  for (const sync_table_config& t : c.sync.tables) {
    if (!t.given || !t.enabled) continue;
    if (std::string what = fault_of(c, t); !what.empty())
      out.push_back({"sync.tables." + t.name, fmt::format("sync.tables.{} {}", t.name, what)});
  }
}

}  // namespace gridlight::config_detail
