#include "api/layer_sql.hpp"

#include "server/postgres/connection.hpp"

namespace gridlight::api {
namespace {

constexpr std::string_view point = "ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography";

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items)
    out += (out.empty() ? "" : ", ") + item;
  return out;
}

int region_parameters(region where) noexcept {
  switch (where) {
    case region::box:
      return 4;
    case region::two_boxes:
      return 8;
    case region::geometry:
      return 1;
    case region::everything:
      break;
  }
  return 0;
}

std::string parameter(int n) {
  return "$" + std::to_string(n);
}

std::string envelope(int first) {
  std::string out = "ST_MakeEnvelope(";
  for (int i = 0; i < 4; ++i)
    out += parameter(first + i) + ", ";
  return out + "4326)";
}

}  // namespace

row_layout layout_of(const layer& l) noexcept {
  row_layout out;
  if (l.snap) out.key = 2;
  out.geometry = out.key + static_cast<int>(l.key.size());
  out.properties = out.geometry + 1;
  out.extra = out.properties + static_cast<int>(served_properties(l).size());
  return out;
}

namespace {

std::string version_of(bool versioned, std::string_view name) {
  if (!versioned) return "NULL::bigint";
  return "(SELECT version FROM gridlight.layer_state WHERE layer = " +
         postgres::connection::quote_literal(name) + ")";
}

}  // namespace

layer_sql::layer_sql(const layer& l) {
  base_ = layer_columns::table(l);
  table_ = base_;
  versions_ = version_of(l.versioned, l.config.name) + " AS version";
  outer_ = "s.version";
  if (l.snap) {
    // Every condition, order and distance is on the stand-in's place: the layer's own is nowhere in the SQL.
    join_ = layer_columns::join(l);
    table_ += join_;
    versions_ += ", " + version_of(l.snap->versioned, l.snap->layer) + " AS place_version";
    outer_ += ", s.place_version";
  }
  const auto at = layer_columns::place_of(l);
  geometry_ = at.geometry;
  geography_ = at.geography;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < l.key.size(); ++i) {
    columns_ += layer_columns::read(l.key[i]) + " AS k" + std::to_string(i) + ", ";
    names.push_back("k" + std::to_string(i));
    keys_.push_back(layer_columns::read(l.key[i]));
    // Keys are compared in their own type, so that their index serves; one that is read as text is compared
    // as text.
    key_types_.emplace_back(layer_columns::type_name(l.key[i].type));
  }
  key_list_ = joined(names);
  columns_ += (geometry_.empty() ? "NULL::bytea" : geometry_) + " AS g";
  column_names_ = key_list_ + ", g";
  int number = 0;
  for (const property& p : served_properties(l)) {
    const std::string name = ", p" + std::to_string(number++);
    columns_ += ", " + layer_columns::read(p) + " AS" + name.substr(1);
    column_names_ += name;
  }
}

std::string layer_sql::with_version(std::string_view lookup, std::string_view order,
                                    std::string_view count) const {
  std::string out = "SELECT " + outer_ + ", f.*";
  if (!count.empty()) out += ", s.matched";
  out += " FROM (SELECT " + versions_;
  if (!count.empty()) out.append(", ").append(count).append(" AS matched");
  out.append(") s LEFT JOIN LATERAL (").append(lookup).append(") f ON true ORDER BY ").append(order);
  return out;
}

std::string layer_sql::within() const {
  const std::string at{point};
  const std::string order = "distance_m, " + key_list_;
  return with_version("SELECT " + columns_ + ", ST_Distance(" + geography_ + ", " + at +
                          ") AS distance_m FROM " + table_ + " WHERE ST_DWithin(" + geography_ + ", " + at +
                          ", $3) ORDER BY " + order + " LIMIT $4",
                      order);
}

std::string layer_sql::nearest(std::int64_t candidates, bool bounded) const {
  const std::string at{point};
  const std::string order = "distance_m, " + key_list_;
  const std::string on_sphere = geography_ + " <-> " + at;
  const std::string filter =
      bounded ? "ST_DWithin(" + geography_ + ", " + at + ", $3)" : geometry_ + " IS NOT NULL";
  return with_version(
      "SELECT c.*, max(on_sphere_m) OVER () AS reach_m, count(*) OVER () AS found FROM (SELECT " + columns_ +
          ", ST_Distance(" + geography_ + ", " + at + ") AS distance_m, " + on_sphere +
          " AS on_sphere_m FROM " + table_ + " WHERE " + filter + " ORDER BY " + on_sphere + " LIMIT " +
          std::to_string(candidates) + ") c ORDER BY " + order + " LIMIT " + (bounded ? "$4" : "$3"),
      order);
}

std::string layer_sql::nearest_of_all() const {
  const std::string at{point};
  const std::string order = "distance_m, " + key_list_;
  return with_version("SELECT " + columns_ + ", ST_Distance(" + geography_ + ", " + at +
                          ") AS distance_m FROM " + table_ + " WHERE " + geometry_ +
                          " IS NOT NULL ORDER BY " + order + " LIMIT $3",
                      order);
}

namespace {

// Of three arrays from parameter `first` on.
std::string patch_rows(int first) {
  std::string arrays;
  for (int i = 0; i < 3; ++i)
    arrays += (i == 0 ? "" : ", ") + parameter(first + i) + "::float8[]";
  return "(SELECT n, _ST_Expand(place, reach) AS box, place, reach FROM (SELECT n, reach, "
         "ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography AS place FROM unnest(" +
         arrays + ") WITH ORDINALITY AS u(lon, lat, reach, n)) p OFFSET 0)";
}

}  // namespace

std::string layer_sql::patches(std::int64_t most) const {
  const std::string at{point};
  std::string out =
      "SELECT " + outer_ + ", c.distance_m, CASE WHEN c.distance_m - 1.01 * c.reach > $3 THEN -1 ELSE ";
  out += "(SELECT count(*) FROM (SELECT FROM " + table_ + " WHERE " + geography_ + " && c.box LIMIT " +
         std::to_string(most) + ") r) END FROM (SELECT " + versions_ +
         ") s CROSS JOIN (SELECT *, ST_Distance(place, ";
  out.append(at).append(") AS distance_m FROM ").append(patch_rows(4)).append(" p OFFSET 0) c ORDER BY c.n");
  return out;
}

std::string layer_sql::explain_patch() const {
  return "EXPLAIN (COSTS off) SELECT FROM " + table_ + " WHERE " + geography_ +
         " && _ST_Expand(ST_SetSRID(ST_MakePoint(0, 0), 4326)::geography, 1)";
}

std::string layer_sql::nearest_in_patches(bool bounded) const {
  const std::string at{point};
  const std::string order = "distance_m, " + key_list_;
  std::string rows = "SELECT " + columns_ + ", " + geography_ + " AS place FROM " + table_ + " WHERE " +
                     geography_ + " && c.box";
  if (bounded) rows += " AND _ST_DWithin(" + geography_ + ", " + at + ", $7, true)";
  // A row may touch several patches, and is measured once.
  std::string lookup = "SELECT " + column_names_ + ", ST_Distance(d.place, " + at + ") AS distance_m FROM (";
  lookup.append("SELECT DISTINCT ON (").append(key_list_).append(") r.* FROM ").append(patch_rows(3));
  lookup.append(" c CROSS JOIN LATERAL (").append(rows).append(" OFFSET 0) r ORDER BY ").append(key_list_);
  lookup.append(") d ORDER BY ").append(order).append(" LIMIT ").append(bounded ? "$8" : "$7");
  return with_version(lookup, order,
                      "(SELECT count(*) FROM unnest($6::text[]) AS o(box) WHERE EXISTS (SELECT FROM " +
                          table_ + " WHERE " + geography_ + " && o.box::geography))");
}

// Without `indexed` the conditions are written so that no index can serve them: the key's has to.
std::string layer_sql::region_condition(region where, bool indexed) const {
  if (where == region::everything) return {};
  const auto one = [&](const std::string& shape) {
    const std::string exact = "ST_Intersects(" + geometry_ + ", " + shape + ")";
    return indexed ? exact : "((" + geometry_ + " && " + shape + ") IS TRUE AND " + exact + " IS TRUE)";
  };
  if (where == region::geometry) return one("$1::geometry");
  if (where == region::box) return one(envelope(1));
  return "(" + one(envelope(1)) + " OR " + one(envelope(5)) + ")";
}

std::string layer_sql::region_rows(const region_query& q, access_path path) const {
  const std::string hits = region_condition(q.where, path == access_path::by_space);
  std::string behind;
  if (q.after_key) {
    std::string values;
    for (std::size_t i = 0; i < keys_.size(); ++i)
      values += (i == 0 ? "" : ", ") + parameter(region_parameters(q.where) + 1 + static_cast<int>(i)) +
                "::" + key_types_[i];
    behind = "(" + joined(keys_) + ") > (" + values + ")";
  }
  const auto where = [](const std::string& a, const std::string& b) {
    return a.empty() && b.empty() ? "" : " WHERE " + a + (a.empty() || b.empty() ? "" : " AND ") + b;
  };
  const std::string by_key = " ORDER BY " + joined(keys_) + " LIMIT ";
  const std::string limit = std::to_string(q.rows);
  switch (path) {
    case access_path::by_space:  // OFFSET 0 keeps the order from choosing the plan of the rows themselves
      return "SELECT * FROM (SELECT " + columns_ + " FROM " + table_ + where(hits, behind) +
             " OFFSET 0) r ORDER BY " + key_list_ + " LIMIT " + limit;
    case access_path::by_key:
      return "SELECT " + columns_ + " FROM " + table_ + where(hits, behind) + by_key + limit;
    case access_path::walk_first:
      break;
  }
  return "SELECT " + columns_ + " FROM (SELECT * FROM " + base_ + where(behind, {}) + by_key +
         std::to_string(q.walk) + ") t" + join_ + where(hits, {}) + by_key + limit;
}

std::string layer_sql::in_region(const region_query& q) const {
  const std::string limit =
      parameter(region_parameters(q.where) + 1 + (q.after_key ? static_cast<int>(keys_.size()) : 0));
  std::string rows;
  if (q.path == access_path::walk_first) {
    const std::string full = "(SELECT count(*) FROM walked) >= " + limit;
    rows = "WITH walked AS MATERIALIZED (SELECT * FROM (" + region_rows(q, access_path::walk_first) +
           ") w LIMIT " + limit + ") SELECT * FROM (SELECT * FROM walked WHERE " + full +
           " UNION ALL SELECT * FROM (" + region_rows(q, access_path::by_space) + ") s WHERE NOT " + full +
           ") r";
  } else {
    rows = "SELECT * FROM (" + region_rows(q, q.path) + ") r";
  }
  rows += " ORDER BY " + key_list_ + " LIMIT " + limit;
  std::string count;
  if (q.count) {
    const std::string hits = region_condition(q.where, true);
    count = "(SELECT count(*) FROM " + table_ + (hits.empty() ? "" : " WHERE " + hits) + ")";
  }
  return with_version(rows, key_list_, count);
}

std::string layer_sql::where(std::string_view condition, std::int64_t rows) const {
  return with_version("SELECT " + columns_ + " FROM " + table_ + " WHERE " + std::string{condition} +
                          " ORDER BY " + key_list_ + " LIMIT " + std::to_string(rows),
                      key_list_);
}

std::string layer_sql::by_key() const {
  std::string filter;
  for (std::size_t i = 0; i < keys_.size(); ++i)
    filter += (i == 0 ? "" : " AND ") + keys_[i] + " = " + parameter(static_cast<int>(i) + 1) +
              "::" + key_types_[i];
  return with_version("SELECT " + columns_ + " FROM " + table_ + " WHERE " + filter + " LIMIT 1", key_list_);
}

}  // namespace gridlight::api
