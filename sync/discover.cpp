#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <set>

#include "server/config_values.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/source_snowflake.hpp"
#include "sync/sync_command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using postgres::connection;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// As YAML reads it back: quotes that are the name's own would be taken for its.
std::string yaml_text(std::string_view text) {
  const bool plain =
      !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0 &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '$';
      });
  static constexpr std::string_view words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  if (plain && std::find(std::begin(words), std::end(words), lower(std::string{text})) == std::end(words))
    return std::string{text};
  std::string out = "'";
  for (const char c : text)
    out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

// A name for sync.tables.
std::string plain_name(std::string_view table) {
  std::string out = lower(std::string{table.substr(table.rfind('.') + 1)});
  if (out.size() > 2 && out.front() == '"' && out.back() == '"') out = out.substr(1, out.size() - 2);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
  if (!config_detail::is_layer_name(out)) out = "t_" + out.substr(0, 50);
  return out;
}

// What tells rows apart is not in a result's metadata: a column that is called after it and never null, else
// a guess that says so.
std::string likely_key(const std::vector<source_column>& columns) {
  for (const source_column& c : columns)
    if (lower(c.name) == "id" || (lower(c.name).ends_with("_id") && !c.nullable)) return lower(c.name);
  for (const source_column& c : columns)
    if (lower(c.name).ends_with("_id")) return lower(c.name);
  return columns.empty() ? "id" : lower(columns[0].name);
}

const source_column* likely_mark(const std::vector<source_column>& columns) {
  for (const std::string_view wanted : {"updated_at", "last_updated", "modified_at", "last_modified"})
    for (const source_column& c : columns)
      if (lower(c.name) == wanted && (c.holds == value_class::instant || c.holds == value_class::local_time))
        return &c;
  return nullptr;
}

std::string described(const std::string& table, const std::string& name,
                      const std::vector<source_column>& columns) {
  const std::string key = likely_key(columns);
  const source_column* mark = likely_mark(columns);
  const bool local = std::any_of(columns.begin(), columns.end(),
                                 [](const auto& c) { return c.holds == value_class::local_time; });
  std::string out = fmt::format("# {}\n", table);
  out += fmt::format("# CREATE TABLE public.{} (\n", connection::quote_identifier(name));
  std::vector<std::string> geometries;
  for (const source_column& c : columns) {
    const bool in_key = lower(c.name) == key;
    out += fmt::format("#   {} {}{}, -- {}\n", connection::quote_identifier(lower(c.name)), c.definition,
                       in_key || !c.nullable ? " NOT NULL" : "", c.type);
    if (c.holds == value_class::geometry) geometries.push_back(lower(c.name));
  }
  out += fmt::format("#   PRIMARY KEY ({}));\n", connection::quote_identifier(key));
  for (const std::string& g : geometries)
    out += fmt::format("# CREATE INDEX ON public.{} USING gist ({});\n", connection::quote_identifier(name),
                       connection::quote_identifier(g));
  out += fmt::format(
      "    {}:\n      source: {}\n      table: public.{}\n      key: {}   # see that it is unique\n", name,
      yaml_text(table), name, yaml_text(key));
  if (mark != nullptr)
    out += fmt::format("      mode: watermark   # full and changes are others\n      watermark: {}\n",
                       yaml_text(mark->name));
  else
    out += "      mode: full   # changes, where the table has CHANGE_TRACKING\n";
  if (local) out += "      timezone: UTC   # of times without a zone: say the right one\n";
  return out + "      schedule: 5m\n";
}

struct job {
  const config& settings;
  std::string wanted;
  std::string yaml = "sync:\n  tables:\n";
  int left_out = 0;

  awaitable<result<std::vector<std::string>>> tables(source& from) {
    std::vector<std::string> out;
    if (!wanted.empty()) {
      out.push_back(wanted);
      co_return out;
    }
    source_query q{
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = CURRENT_SCHEMA() ORDER BY "
        "TABLE_NAME"};
    const std::function<result<void>(const source_row&)> take = [&](const source_row& row) {
      out.push_back(from.identifier(row.cells.at(0).text));
      return result<void>{};
    };
    const auto read = co_await each_row(from, std::move(q), command_deadline(), take);
    if (!read) co_return read.error();
    co_return out;
  }

  awaitable<result<void>> work(any_io_executor executor) {
    const auto from = open_snowflake(executor, settings.sync.snowflake);
    if (!from) co_return from.error();
    const auto all = co_await tables(**from);
    if (!all) co_return all.error();
    if (all->empty()) co_return failure{errc::input, "the schema has no table that this role sees"};
    std::set<std::string> taken;
    for (const std::string& table : *all) {
      const auto columns = co_await describe(**from, table, command_deadline());
      if (!columns) {
        if (all->size() == 1) co_return columns.error();
        print_failure("sync discover", columns.error());
        yaml += fmt::format("# {}: it could not be described\n", table);
        ++left_out;
        continue;
      }
      const std::string plain = plain_name(table);
      std::string name = plain;
      for (int n = 2; !taken.insert(name).second; ++n)
        name = fmt::format("{}_{}", plain.substr(0, 50), n);
      yaml += described(table, name, *columns);
    }
    co_return result<void>{};
  }
};

}  // namespace

int run_sync_discover(const config& settings, const discover_options& options) {
  constexpr std::string_view command = "sync discover";
  if (!settings.sync.snowflake.configured()) {
    print_failure(command, {errc::input, "set sync.snowflake.account and its credentials first"});
    return exit_code::usage;
  }
  job j{settings, options.source};
  const auto done = postgres::run_blocking([&](any_io_executor executor) { return j.work(executor); });
  if (!done) {
    print_failure(command, done.error());
    return exit_code::failed;
  }
  std::cout << j.yaml << std::flush;
  return j.left_out == 0 ? exit_code::ok : exit_code::failed;
}

}  // namespace gridlight::sync
