#include "sync/load/mapping.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

namespace gridlight::sync {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::size_t> find_name(const std::vector<std::string>& names, std::string_view wanted) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == wanted) return i;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (same_name(names[i], wanted)) return i;
  return std::nullopt;
}

std::optional<std::size_t> first_of(const std::vector<std::string>& names,
                                    std::initializer_list<std::string_view> wanted) {
  for (const std::string_view name : wanted)
    if (const auto at = find_name(names, name)) return at;
  return std::nullopt;
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

class mapper {
 public:
  mapper(const std::vector<target_column>& table, const std::vector<std::string>& source, bool features)
      : table_(table), source_(source), features_(features) {}

  result<void> rename(const std::vector<std::pair<std::string, std::string>>& renames) {
    for (const auto& [target, source] : renames) {
      const target_column* column = find_column(table_, target);
      if (column == nullptr) return failure{errc::input, "--map: the table has no column \"" + target + "\""};
      const auto at = find_name(source_, source);
      // A feature may name a property later than the first; a CSV's header is all there is.
      if (!at && features_) continue;
      if (!at) return failure{errc::input, "--map: the file has no column \"" + source + "\""};
      if (used_.contains(*at)) return failure{errc::input, "--map: \"" + source + "\" is mapped twice"};
      if (column->generated && column->kind != column_kind::geometry)
        return failure{errc::input, "--map: \"" + target + "\" is computed by the database"};
      assign(index_of(*column), *at);
    }
    return {};
  }

  void by_name() {
    for (std::size_t i = 0; i < table_.size(); ++i) {
      if (assigned_.contains(i)) continue;
      if (const auto at = find_name(source_, table_[i].name); at && !used_.contains(*at)) assign(i, *at);
    }
    alias("longitude", find_longitude(source_));
    alias("latitude", find_latitude(source_));
    const auto geometry = geometry_column();
    if (!geometry || assigned_.contains(*geometry)) return;
    if (const auto at = find_geometry(source_); at && !used_.contains(*at)) assign(*geometry, *at);
  }

  result<column_mapping> finish(const std::vector<std::string>& key, bool ignore_extra) {
    column_mapping out;
    const auto geometry = geometry_column();
    if (geometry && table_[*geometry].generated) {
      out.generated_geometry = geometry;
      if (const auto at = assigned_.find(*geometry); at != assigned_.end()) out.compared = at->second;
    }
    for (std::size_t i = 0; i < table_.size(); ++i) {
      if (table_[i].generated) continue;
      binding b{i, {}, false, {}, position_of(table_[i].name, out.generated_geometry)};
      if (const auto at = assigned_.find(i); at != assigned_.end()) b.source = at->second;
      if (geometry == i && !b.source) bind_shape(b);
      const bool given = b.source || b.from_feature || b.from_lonlat || (features_ && b.position);
      if (given && table_[i].kind == column_kind::unsupported)
        return failure{errc::input, "column \"" + table_[i].name + "\" is of type " + table_[i].type +
                                        ", which cannot be loaded"};
      if (given || (features_ && !table_[i].has_default && table_[i].kind != column_kind::unsupported))
        out.bindings.push_back(b);
      else if (!features_ && !table_[i].has_default)
        missing(table_[i], key);
    }
    return check(std::move(out), ignore_extra);
  }

 private:
  std::size_t index_of(const target_column& c) const { return static_cast<std::size_t>(&c - table_.data()); }

  void assign(std::size_t target, std::size_t source) {
    assigned_.emplace(target, source);
    used_.insert(source);
  }

  void alias(std::string_view target, std::optional<std::size_t> source) {
    const target_column* column = find_column(table_, target);
    if (column == nullptr || column->generated || !source || used_.contains(*source)) return;
    if (!assigned_.contains(index_of(*column))) assign(index_of(*column), *source);
  }

  std::optional<std::size_t> geometry_column() const {
    for (std::size_t i = 0; i < table_.size(); ++i)
      if (table_[i].kind == column_kind::geometry) return i;
    return std::nullopt;
  }

  void bind_shape(binding& b) {
    b.from_feature = features_;
    const auto lon = find_longitude(source_), lat = find_latitude(source_);
    if (features_ || !lon || !lat) return;
    b.from_lonlat = {*lon, *lat};
    used_.insert(*lon);
    used_.insert(*lat);
  }

  std::optional<std::pair<std::size_t, int>> position_of(std::string_view name,
                                                         std::optional<std::size_t> generated) const {
    if (!generated) return std::nullopt;
    const auto& positions = table_[*generated].positions;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (positions[i].first == name) return {{i, 0}};
      if (positions[i].second == name) return {{i, 1}};
    }
    return std::nullopt;
  }

  void missing(const target_column& column, const std::vector<std::string>& key) {
    const bool in_key = std::find(key.begin(), key.end(), column.name) != key.end();
    if (in_key)
      missing_.push_back(column.name + " (of the key)");
    else if (column.not_null)
      missing_.push_back(column.name);
  }

  result<column_mapping> check(column_mapping out, bool ignore_extra) const {
    std::vector<std::string> extra;
    for (std::size_t i = 0; i < source_.size(); ++i)
      if (!used_.contains(i))
        extra.push_back(source_[i].empty() ? "column " + std::to_string(i + 1) : source_[i]);
    std::string problem;
    if (!missing_.empty()) problem = "the file lacks " + join(missing_);
    if (!extra.empty() && !ignore_extra)
      problem += (problem.empty() ? "" : "; ") + std::string{"the table has no column for "} + join(extra) +
                 " (--map TARGET=SOURCE renames, --ignore-extra leaves out)";
    if (!problem.empty()) return failure{errc::input, problem};
    return out;
  }

  const std::vector<target_column>& table_;
  const std::vector<std::string>& source_;
  bool features_;
  std::map<std::size_t, std::size_t> assigned_;  // target → source
  std::set<std::size_t> used_;                   // of the source
  std::vector<std::string> missing_;
};

}  // namespace

std::optional<std::size_t> find_longitude(const std::vector<std::string>& names) {
  return first_of(names, {"longitude", "lon", "lng", "long", "x"});
}

std::optional<std::size_t> find_latitude(const std::vector<std::string>& names) {
  return first_of(names, {"latitude", "lat", "y"});
}

std::optional<std::size_t> find_geometry(const std::vector<std::string>& names) {
  return first_of(names, {"geom", "geometry", "the_geom", "wkb_geometry", "wkt", "wkb", "ewkb", "ewkt"});
}

result<column_mapping> map_columns(const std::vector<target_column>& table,
                                   const std::vector<std::string>& source,
                                   const std::vector<std::string>& key, bool features,
                                   const mapping_options& options) {
  mapper m{table, source, features};
  if (const auto ok = m.rename(options.renames); !ok) return ok.error();
  m.by_name();
  return m.finish(key, options.ignore_extra);
}

}  // namespace gridlight::sync
