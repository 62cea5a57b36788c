#include <bit>
#include <cmath>

#include "api/feature_writer.hpp"
#include "api/postgis_source.hpp"
#include "api/search_sql.hpp"
#include "api/value_check.hpp"
#include "geo/decimal.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

constexpr std::int64_t least_rows = 32;

std::vector<Oid> parameter_types(std::span<const searched_layer> layers) {
  std::vector<Oid> out{oid::text, oid::text_array, oid::int8};
  for (const searched_layer& s : layers)
    if (s.key == key_search::exact) out.insert(out.end(), s.it->key.size(), oid::text);
  return out;
}

std::vector<Oid> column_types(std::size_t layers) {
  std::vector<Oid> out(layers, oid::int8);
  out.insert(out.end(), {oid::int4, oid::text, oid::text, oid::int4});
  out.insert(out.end(), 6, oid::float8);
  out.push_back(oid::int8);
  return out;
}

// The text as this layer's key; nothing when it cannot be one.
std::optional<std::vector<std::string>> as_key(const layer& l, std::string_view text) {
  auto out = split_key(text, l.key.size());
  if (!out) return out;
  for (std::size_t i = 0; i < out->size(); ++i)
    if (!is_value_of(l.key[i].type, (*out)[i])) return std::nullopt;
  return out;
}

void add_key(postgres::arguments& a, const layer& l, std::string_view text) {
  const auto key = as_key(l, text);
  for (std::size_t i = 0; i < l.key.size(); ++i) {
    if (key)
      a.add_text((*key)[i]);
    else
      a.add_null();
  }
}

bool is_integer_key(const layer& l) {
  const Oid type = l.key.front().type;
  return l.key.size() == 1 && (type == oid::int2 || type == oid::int4 || type == oid::int8);
}

// Nothing where a member is null or not finite.
std::optional<std::vector<double>> numbers(const postgres::result_set& rows, int row, int first, int count) {
  std::vector<double> out;
  for (int i = first; i < first + count; ++i) {
    if (rows.is_null(row, i) || !std::isfinite(rows.number(row, i))) return std::nullopt;
    out.push_back(rows.number(row, i));
  }
  return out;
}

void append_numbers(std::string& out, const std::vector<double>& all) {
  out += '[';
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) out += ',';
    geo::append_decimal(out, all[i], 7);
  }
  out += ']';
}

void append_hit(std::string& out, const layer& l, const postgres::result_set& rows, int row, int first) {
  const std::string_view key = rows.text(row, first + hit_key);
  out += R"({"type":"Feature","id":)";
  if (is_integer_key(l))
    out += key;
  else
    append_json_string(out, key);
  const auto place = numbers(rows, row, first + hit_x, 2);
  if (const auto box = numbers(rows, row, first + hit_box, 4);
      box && l.config.geometry_type != geometry_kind::point) {
    out += R"(,"bbox":)";
    append_numbers(out, *box);
  }
  out += R"(,"geometry":)";
  if (place) {
    out += R"({"type":"Point","coordinates":)";
    append_numbers(out, *place);
    out += '}';
  } else {
    out += "null";
  }
  out += R"(,"properties":{"layer":)";
  append_json_string(out, l.config.name);
  out += R"(,"name":)";
  if (rows.is_null(row, first + hit_name))
    out += "null";
  else
    append_json_string(out, rows.text(row, first + hit_name));
  const auto rank = rows.integer(row, first + hit_rank);
  const bool by_key = rank == key_is || rank == key_starts || rank == key_contains;
  out += by_key ? R"(,"matched":"id")" : R"(,"matched":"name")";
  out += rank == key_is || rank == name_is ? R"(,"exact":true}})" : R"(,"exact":false}})";
}

}  // namespace

struct postgis_source::prepared_search {
  prepared_search(const catalog& c, bool personal, std::int64_t rows)
      : layers(searchable(c, personal)),
        statement(search_sql(layers, rows), parameter_types(layers), column_types(layers.size())) {}

  std::vector<searched_layer> layers;
  postgres::statement statement;
};

layer_source::answer<search_page> postgis_source::search(const search_question& q, effort e) {
  if (searched_ != q.owner) {
    searches_.clear();
    searched_ = q.owner;
  }
  const auto bound =
      std::max(least_rows, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(q.limit + 1))));
  auto& slot = searches_[{q.personal, bound}];
  if (!slot) slot = std::make_shared<prepared_search>(*q.owner, q.personal, bound);
  const std::shared_ptr<prepared_search> p = slot;

  std::string names = "{";
  for (const layer* l : q.layers)
    names += (names.size() == 1 ? "" : ",") + l->config.name;
  postgres::arguments a;
  a.add_text(q.text).add_text(names + "}").add(q.limit + 1);
  for (const searched_layer& s : p->layers)
    if (s.key == key_search::exact) add_key(a, *s.it, q.text);
  const auto rows = co_await pool_.query(postgres::lane::lookup, p->statement, a, e.until, e.timing.postgres,
                                         postgres::share::no, e.rank);
  if (!rows) co_return rows.error();

  const auto start = steady::now();
  search_page page;
  const int first = static_cast<int>(p->layers.size());
  for (const layer* l : q.layers)
    for (int i = 0; i < first; ++i)
      if (p->layers[static_cast<std::size_t>(i)].it == l)
        page.versions.push_back(
            rows->rows() == 0 || rows->is_null(0, i) ? std::nullopt : std::optional{rows->integer(0, i)});
  for (int row = 0; row < rows->rows() && !rows->is_null(row, first + hit_key); ++row) {
    page.more = page.count == q.limit;
    if (page.more) break;
    if (page.count++ > 0) page.features += ',';
    const auto of = static_cast<std::size_t>(rows->integer(row, first + hit_layer));
    append_hit(page.features, *p->layers[of].it, *rows, row, first);
  }
  e.timing.encode_ms += ms_since(start);
  co_return page;
}

}  // namespace gridlight::api
