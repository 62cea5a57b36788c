#include "api/tile_maker.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/common.hpp"
#include "api/layer_sql.hpp"
#include "api/tile_writer.hpp"

namespace gridlight::api {
namespace {

using boost::asio::awaitable;

// What was measured on the reference machine: reading and encoding take some 4 us a feature.
constexpr double features_per_ms = 250;
// Combinations of layers are endless; each has a statement of its own, whose plan takes a session some 0.2 MB
// a layer. Those of more layers than a few are kept for the first that ask for such, else made for each tile.
constexpr std::size_t most_statements = 256, few_layers = 4, most_large = 4;
constexpr std::uint32_t weight_of_layer = 4;  // beside a lookup
// Packing is what a cold tile costs most. Level 6 takes 4.5 times as long for 8 % fewer bytes of buildings.
constexpr int tile_gzip_level = 1;
constexpr int attempts = 3;
// From here on a tile is as short a question as a lookup, so that several may be under way on one connection.
constexpr int least_shared_zoom = 13;

std::optional<std::int64_t> number_in(std::string_view& text) {
  const auto space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text = space == text.npos ? std::string_view{} : text.substr(space + 1);
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return out;
}

// The statement's first row.
std::vector<told_source> read_head(std::string_view text) {
  std::vector<told_source> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    text = comma == text.npos ? std::string_view{} : text.substr(comma + 1);
    told_source& s = out.emplace_back();
    s.version = number_in(one);
    if (!s.version) continue;
    s.detail_zoom = number_in(one);
  }
  return out;
}

}  // namespace

bool made_tile::versioned() const noexcept {
  return std::all_of(sources.begin(), sources.end(),
                     [](const source_state& s) { return s.version.has_value(); });
}

// What is the same for every tile of these parts.
struct tile_maker::prepared {
  prepared(const question& q, tile_rows rows, std::int64_t most, bool kept);

  std::vector<tile_source> sources;
  tile_layout layout;
  postgres::statement sql;
  std::vector<drawn_part> drawn;  ///< of each layer's own properties
};

struct tile_maker::question {
  const tile_layers& layers;
  geo::tile t;
  std::shared_ptr<const version_store::knowledge> known;
  std::vector<tile_part> parts;
  deadline until;
  http::request_timing& timing;
  postgres::urgency rank;
  std::uint64_t history;
  bool packed;
  std::shared_ptr<const prepared> how = {};
  conditions_ptr held = {};
};

struct tile_maker::counted {
  std::int64_t drawn = 0, there = 0;
  bool more = false;  ///< a part had more rows than the time budget allows
};

tile_maker::tile_maker(postgres::pool& pool, condition_store& circuits, const config::tile_settings& settings)
    : pool_(pool),
      circuits_(circuits),
      settings_(settings),
      most_(std::max<std::int64_t>(
          100, std::llround(features_per_ms * static_cast<double>(settings.budget.count())))),
      packer_(tile_gzip_level) {}
tile_maker::~tile_maker() = default;

namespace {
tile_layers with_own_properties(tile_layers layers) {
  for (tile_layer& l : layers.layers)
    l.properties.reset();
  return layers;
}
}  // namespace

tile_maker::prepared::prepared(const question& q, tile_rows rows, std::int64_t most, bool kept)
    : sources{sources_of(q.parts)},
      layout{layout_of(q.parts)},
      sql{tile_statement(q.parts, rows, most),
          tile_parameters(rows),
          {},
          kept ? weight_of_layer * static_cast<std::uint32_t>(q.parts.size()) : 0},
      drawn{drawn_parts(with_own_properties(q.layers), q.parts, layout)} {}

std::shared_ptr<const tile_maker::prepared> tile_maker::prepare(const question& q, tile_rows rows) {
  if (of_ != q.layers.owner) {
    prepared_.clear();
    large_ = 0;
    of_ = q.layers.owner;
  }
  std::string key{rows == tile_rows::ranked ? "ranked" : "all"};
  for (const tile_part& p : q.parts)
    key.append(p.generalised ? ",g" : ",").append(p.joined ? "j:" : ":").append(p.of->config.name);
  const auto there = prepared_.find(key);
  if (there != prepared_.end()) {
    there->second.last_used = ++uses_;
    return there->second.how;
  }
  const bool large = q.parts.size() > few_layers;
  if (large && large_ >= most_large) return std::make_shared<const prepared>(q, rows, most_, false);
  if (large) ++large_;
  if (prepared_.size() >= most_statements) {
    const auto oldest = std::min_element(
        prepared_.begin(), prepared_.end(),
        [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
    if (oldest->second.large) --large_;
    prepared_.erase(oldest);
  }
  auto how = std::make_shared<const prepared>(q, rows, most_, true);
  prepared_[std::move(key)] = {how, ++uses_, large};
  return how;
}

awaitable<result<postgres::result_set>> tile_maker::ask(question& q, tile_rows rows, std::int64_t limit) {
  q.how = prepare(q, rows);
  postgres::arguments a;
  const geo::bbox b = reach_of(q.t, false);
  a.add(b.min_lon).add(b.min_lat).add(b.max_lon).add(b.max_lat);
  a.add(static_cast<std::int32_t>(q.t.z)).add(static_cast<std::int32_t>(q.t.x));
  a.add(static_cast<std::int32_t>(q.t.y));
  if (rows == tile_rows::ranked) a.add(limit);
  const auto sharing =
      rows == tile_rows::all && q.t.z >= least_shared_zoom ? postgres::share::yes : postgres::share::no;
  co_return co_await pool_.query(postgres::lane::tile, q.how->sql, a, q.until, q.timing.postgres, sharing,
                                 q.rank);
}

// False: those that are to be had now are not of the rows' snapshot.
awaitable<result<bool>> tile_maker::find_conditions(question& q, const std::vector<told_source>& told) {
  q.held = nullptr;
  const bool wanted = std::any_of(q.parts.begin(), q.parts.end(),
                                  [](const tile_part& p) { return has_condition(*p.of) && !p.joined; });
  if (!wanted) co_return true;
  std::optional<std::int64_t> version;
  for (std::size_t i = 0; i < q.how->sources.size(); ++i)
    if (q.how->sources[i].name == conditions) version = told.at(i).version;
  if (!version) co_return true;
  auto read = co_await circuits_.at(*version, q.history, pool_, q.until, q.timing.postgres, q.rank);
  if (!read) co_return read.error();
  q.held = *std::move(read);
  co_return q.held->are_of(*version, q.history);
}

awaitable<result<source_state>> tile_maker::state_of(question& q, const tile_source& of,
                                                     std::optional<std::int64_t> version) {
  source_state out{of, version, 0};
  if (!version) co_return out;
  out.touched = *version;
  const auto before = q.known ? known_state(of, q.t, *q.known) : std::nullopt;
  if (!before) co_return out;
  out.touched = std::min(before->touched, *version);
  if (*version <= *before->version) co_return out;
  // Newer than what is known here: the database is asked what happened in between.
  if (of.anywhere) {
    out.touched = *version;
    co_return out;
  }
  const geo::bbox box = reach_of(q.t, of);
  postgres::arguments a;
  a.add_text(of.name).add(*before->version).add(*version);
  a.add(box.min_lon).add(box.min_lat).add(box.max_lon).add(box.max_lat);
  const auto rows = co_await pool_.query(postgres::lane::tile, touched_statement(), a, q.until,
                                         q.timing.postgres, postgres::share::yes, q.rank);
  if (!rows) co_return rows.error();
  if (rows->rows() == 1 && !rows->is_null(0, 0)) out.touched = std::max(out.touched, rows->integer(0, 0));
  co_return out;
}

tile_maker::counted tile_maker::encode(const question& q, const postgres::result_set& rows,
                                       std::string& out) {
  const auto start = steady::now();
  counted sum;
  // One statement serves every choice of properties: each would else be prepared in every session.
  std::vector<drawn_part> chosen;
  if (!q.layers.selected.empty()) chosen = drawn_parts(q.layers, q.parts, q.how->layout);
  tile_writer writer{q.layers.selected.empty() ? q.how->drawn : chosen, q.t, q.held.get()};
  std::vector<std::int64_t> seen(q.parts.size(), 0), total(q.parts.size(), 0);
  for (int row = 1; row < rows.rows(); ++row) {
    const auto part = static_cast<std::size_t>(rows.integer(row, tile_layout::part) / 2);
    ++seen[part];
    if (!rows.is_null(row, tile_layout::total)) total[part] = rows.integer(row, tile_layout::total);
    if (seen[part] > most_) continue;
    writer.append(rows, row, part);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    sum.more = sum.more || seen[i] > most_;
    sum.there += std::max(seen[i], total[i]);
    sum.drawn += seen[i];
  }
  writer.finish(out);
  q.timing.encode_ms += ms_since(start);
  return sum;
}

awaitable<result<tile_ptr>> tile_maker::make(tile_layers layers, geo::tile t,
                                             std::shared_ptr<const version_store::knowledge> known,
                                             std::uint64_t history, deadline until, postgres::urgency rank,
                                             bool packed) {
  auto out = std::make_shared<made_tile>();
  out->history = history;
  question q{layers, t, known, parts_at(layers, t.z, known.get()), until, out->timing, rank, history, packed};
  for (tile_part& p : q.parts)
    p.joined = has_condition(*p.of) && !tells_circuit(*p.of);
  tile_rows how = tile_rows::all;
  std::int64_t limit = most_;
  std::string body, small;
  for (int attempt = 0;; ++attempt) {
    auto rows = co_await ask(q, how, limit);
    // A generalised table that went, or that begins at another zoom or is made by other rules by now: the
    // layer itself is right always.
    bool outdated = !rows && rows.error().code == errc::schema_mismatch;
    if (!rows && !outdated) co_return rows.error();
    std::vector<told_source> told;
    if (!outdated) {
      if (rows->rows() == 0 || rows->columns() != q.how->layout.columns)
        co_return failure{errc::schema_mismatch, "the columns of the layers have changed"};
      told = read_head(rows->text(0, tile_layout::key));
      for (std::size_t i = 0; i < q.how->sources.size(); ++i)
        outdated = outdated || (q.how->sources[i].generalised && told.at(i).detail_zoom.value_or(0) <= t.z);
    }
    if (outdated) {
      const bool any =
          std::any_of(q.parts.begin(), q.parts.end(), [](const tile_part& p) { return p.generalised; });
      if (!any) co_return rows.error();
      for (tile_part& p : q.parts)
        p.generalised = false;
      continue;
    }
    const auto agree = co_await find_conditions(q, told);
    if (!agree) co_return agree.error();
    if (!*agree) {
      // They have changed between the two questions. Should they go on to do so, Postgres tells all at once.
      if (attempt >= attempts)
        for (tile_part& p : q.parts)
          p.joined = has_condition(*p.of);
      continue;
    }
    body.clear();
    const counted sum = encode(q, *rows, body);
    if (sum.more && how == tile_rows::all && attempt < attempts) {
      how = tile_rows::ranked;
      continue;
    }
    const auto start = steady::now();
    const bool pack = !body.empty() && (q.packed || body.size() > settings_.max_bytes);
    if (pack) small = packer_.pack_always(body);
    out->timing.encode_ms += ms_since(start);
    if (pack && small.size() > settings_.max_bytes && attempt < 2 * attempts) {
      const double fits = static_cast<double>(settings_.max_bytes) / static_cast<double>(small.size());
      const auto parts = static_cast<double>(q.parts.size());
      limit = std::max<std::int64_t>(
          1,
          std::llround(0.9 * fits *
                       std::min(static_cast<double>(sum.drawn), parts * static_cast<double>(limit)) / parts));
      how = tile_rows::ranked;
      continue;
    }
    out->dropped = sum.there - sum.drawn;
    for (std::size_t i = 0; i < q.how->sources.size(); ++i) {
      auto state = co_await state_of(q, q.how->sources[i], told.at(i).version);
      if (!state) co_return state.error();
      out->sources.push_back(*std::move(state));
    }
    out->name = name_of(tile_key(layers, t), out->sources, known ? known->mark : 0);
    if (out->name.etag.empty() && !body.empty()) out->name.etag = hex64(hash64(body));
    if (pack)
      out->packed = std::make_shared<const std::string>(std::move(small));
    else if (!body.empty())
      out->plain = std::make_shared<const std::string>(std::move(body));
    co_return tile_ptr{std::move(out)};
  }
}

}  // namespace gridlight::api
