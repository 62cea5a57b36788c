#include "api/column_writer.hpp"

#include "api/value_writer.hpp"
#include "geo/decimal.hpp"
#include "geo/wkb_columns.hpp"

namespace gridlight::api {

column_writer::column_writer(const layer& l, const feature_writer& features)
    : features_(features), layout_(layout_of(l)) {
  for (const property& p : served_properties(l)) {
    std::string name;
    append_json_string(name, p.name);
    properties_.push_back({p.type, form_of(p.type), name + ":["});
  }
}

void column_writer::append_property(geo::text_sink& out, const postgres::result_set& rows, int count,
                                    std::size_t i) const {
  const column& c = properties_[i];
  const int at = layout_.properties + static_cast<int>(i);
  out.append(c.name);
  for (int row = 0; row < count; ++row) {
    if (row > 0) out.append(',');
    append_cell(out, rows, row, at, c.type, c.form);
  }
  out.append(']');
}

void column_writer::append(geo::text_sink& out, const postgres::result_set& rows, std::int64_t count,
                           const property_selection& selection, std::optional<int> distance_column) const {
  const int size = static_cast<int>(count);
  out.append(R"("ids":[)");
  for (int row = 0; row < size; ++row) {
    if (row > 0) out.append(',');
    features_.append_id(out, rows, row);
  }
  out.append(R"(],"columns":{)");
  const std::size_t wanted = selection ? selection->size() : properties_.size();
  for (std::size_t i = 0; i < wanted; ++i) {
    if (i > 0) out.append(',');
    append_property(out, rows, size, selection ? (*selection)[i] : i);
  }
  if (distance_column) {
    out.append(wanted > 0 ? R"(,"distance_m":[)" : R"("distance_m":[)");
    for (int row = 0; row < size; ++row) {
      if (row > 0) out.append(',');
      if (rows.is_null(row, *distance_column))
        out.append("null");
      else
        out.commit(
            geo::write_decimal(out.room(geo::max_decimal_chars), rows.number(row, *distance_column), 3));
    }
    out.append(']');
  }
  out.append("},");
  geo::geometry_columns geometries{out, static_cast<std::size_t>(size)};
  for (int row = 0; row < size; ++row) {
    if (rows.is_null(row, layout_.geometry))
      geometries.append_null();
    else
      geometries.append(rows.bytes(row, layout_.geometry));
  }
  geometries.finish();
}

}  // namespace gridlight::api
