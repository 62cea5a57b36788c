#include "sync/source_snowflake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sync/snowflake/client.hpp"
#include "sync/snowflake/rows.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;

value_class class_of(const snowflake::column& c) {
  if (!c.extension.empty()) return value_class::geometry;
  const std::string_view t = c.type;
  if (t == "fixed" || t == "real" || t == "decfloat") return value_class::number;
  if (t == "text") return value_class::text;
  if (t == "boolean") return value_class::boolean;
  if (t == "date") return value_class::date;
  if (t == "time") return value_class::time;
  if (t == "timestamp_ntz") return value_class::local_time;
  if (t.starts_with("timestamp")) return value_class::instant;
  if (t == "binary") return value_class::bytes;
  if (t == "variant" || t == "object" || t == "array" || t == "map" || t == "vector")
    return value_class::json;
  if (t == "geography" || t == "geometry") return value_class::geometry;
  return value_class::other;
}

std::string definition_of(const snowflake::column& c, value_class is) {
  switch (is) {
    case value_class::number:
      if (c.type == "real") return "double precision";
      if (c.type == "fixed" && c.scale == 0 && c.precision <= 18) return "bigint";
      return c.type == "fixed" ? fmt::format("numeric({},{})", c.precision, c.scale) : "numeric";
    case value_class::boolean:
      return "boolean";
    case value_class::date:
      return "date";
    case value_class::time:
      return "time";
    case value_class::local_time:
    case value_class::instant:
      return "timestamptz";
    case value_class::bytes:
      return "bytea";
    case value_class::json:
      return "jsonb";
    case value_class::geometry:
      return "geometry(Geometry, 4326)";
    default:
      return "text";
  }
}

std::vector<source_column> columns_of(const std::vector<snowflake::column>& given) {
  std::vector<source_column> out;
  for (const snowflake::column& c : given) {
    const value_class is = class_of(c);
    out.push_back({c.name, c.extension.empty() ? c.type : c.extension, is, c.nullable, definition_of(c, is)});
  }
  return out;
}

class partition_batches final : public batch_reader {
 public:
  partition_batches(const snowflake::client& c, snowflake::execution e, deadline until)
      : columns_(e.head.columns),
        names_(columns_of(columns_)),
        rows_(e.head.rows),
        reader_(c, std::move(e), 2, until) {}

  const std::vector<source_column>& columns() const noexcept override { return names_; }
  std::optional<std::uint64_t> promised() const noexcept override { return rows_; }
  std::uint64_t bytes() const noexcept override { return bytes_; }

  awaitable<result<std::unique_ptr<row_source>>> next() override {
    auto body = co_await reader_.next();
    if (!body) co_return body.error();
    if (!*body) co_return std::unique_ptr<row_source>{};
    bytes_ += (*body)->bytes.size();
    co_return snowflake::open_partition(std::move(**body), columns_);
  }

 private:
  const std::vector<snowflake::column> columns_;
  const std::vector<source_column> names_;
  const std::uint64_t rows_;
  std::uint64_t bytes_ = 0;
  snowflake::partition_reader reader_;
};

class snowflake_source final : public source {
 public:
  explicit snowflake_source(snowflake::client c) : client_(std::move(c)) {}

  awaitable<result<std::unique_ptr<batch_reader>>> read(source_query q, deadline until) override {
    auto ran = co_await client_.execute(made(std::move(q)), until);
    if (!ran) co_return ran.error();
    co_return std::unique_ptr<batch_reader>{
        std::make_unique<partition_batches>(client_, std::move(*ran), until)};
  }

  awaitable<result<std::int64_t>> change(source_query q, deadline until) override {
    const auto ran = co_await client_.execute(made(std::move(q)), until);
    if (!ran) co_return ran.error();
    const auto& n = ran->head.changed;
    co_return n.inserted + n.updated + n.deleted;
  }

  void stop() override { client_.stop(); }

  std::string identifier(std::string_view name) const override {
    const bool plain = !name.empty() && (name[0] == '_' || (name[0] >= 'A' && name[0] <= 'Z')) &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return c == '_' || c == '$' || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                       });
    return plain ? std::string{name} : postgres::connection::quote_identifier(name);
  }

  std::string column_sql(const source_column& c, std::string_view zone) const override {
    const std::string name = identifier(c.name);
    if (c.holds == value_class::geometry) return "ST_ASEWKB(" + name + ")";
    // An offset is applied as rows are stored; what a named zone means is known to Snowflake.
    if (c.holds == value_class::local_time && is_named_zone(zone))
      return fmt::format("CONVERT_TIMEZONE('{}', 'UTC', {})", zone, name);
    return name;
  }

 private:
  static snowflake::statement made(source_query q) {
    snowflake::statement out;
    out.sql = std::move(q.sql);
    out.async = !q.brief;
    for (std::string& v : q.values)
      out.values.push_back({"TEXT", std::move(v)});
    // Times without a zone read as what they say, and CURRENT_TIMESTAMP as UTC.
    out.parameters.emplace_back("TIMEZONE", "UTC");
    return out;
  }

  snowflake::client client_;
};

result<std::string> read_all(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failure{errc::input, path + " cannot be read"};
  return std::move(text).str();
}

result<std::shared_ptr<snowflake::credentials>> credentials_of(const sync_settings::snowflake_settings& s) {
  using shared = std::shared_ptr<snowflake::credentials>;
  if (!s.token_file.empty()) {
    const auto kind =
        s.token_type == "pat" ? snowflake::token_kind::programmatic : snowflake::token_kind::oauth;
    return shared{snowflake::from_token_file(kind, s.token_file)};
  }
  if (s.private_key_file.empty())
    return failure{errc::input, "sync.snowflake has no credentials: set private_key_file or token_file"};
  auto pem = read_all(s.private_key_file);
  if (!pem) return pem.error();
  auto pair = snowflake::from_key_pair({s.account, s.user, secret{std::move(*pem)}, s.passphrase});
  if (!pair) return pair.error();
  return shared{std::move(*pair)};
}

}  // namespace

result<std::unique_ptr<source>> open_snowflake(boost::asio::any_io_executor executor,
                                               const sync_settings::snowflake_settings& s) {
  snowflake::client_options options;
  options.host = s.host;
  if (options.host.empty()) {
    auto host = snowflake::account_host(s.account);
    if (!host) return host.error();
    options.host = std::move(*host);
  }
  options.port = static_cast<std::uint16_t>(s.port);
  options.ca_file = s.ca_file;
  options.database = s.database;
  options.schema = s.schema;
  options.warehouse = s.warehouse;
  options.role = s.role;
  options.query_tag = "gridlight";
  auto who = credentials_of(s);
  if (!who) return who.error();
  auto made = snowflake::client::make(std::move(executor), std::move(options), std::move(*who));
  if (!made) return made.error();
  return from_client(std::move(*made));
}

std::unique_ptr<source> from_client(snowflake::client c) {
  return std::make_unique<snowflake_source>(std::move(c));
}

}  // namespace gridlight::sync
