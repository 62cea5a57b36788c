#include "api/common.hpp"
#include "api/cursor.hpp"
#include "api/handlers.hpp"
#include "api/value_check.hpp"

namespace gridlight::api {
namespace {

// A cursor goes on with one question: the layer, its key and the box.
std::uint64_t question_of(const layer& l, const std::optional<geo::bbox>& box) {
  std::uint64_t out = hash64(l.config.name);
  for (const property& p : l.key)
    out = hash64(p.name, hash64({"\0k", 2}, out));
  if (!box) return out;
  const double edges[] = {box->min_lon, box->min_lat, box->max_lon, box->max_lat};
  return hash64({reinterpret_cast<const char*>(edges), sizeof edges}, out);
}

bool is_key_of(const layer& l, const std::vector<std::string>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!is_value_of(l.key[i].type, parts[i])) return false;
  return true;
}

// The same question from the cursor on, in the same form. `count` was answered on the first page.
std::string next_url(const services& s, const http::request& req, const std::string& cursor,
                     answer_form form) {
  std::string out =
      s.settings.http.base_path + "/api/postgres/layers/" + percent_encode(req.path_values[0]) + "/features?";
  bool names_form = false;
  for (const auto& p : req.query) {
    names_form = names_form || p.name == "f";
    if (p.name != "cursor" && p.name != "count")
      out += percent_encode(p.name) + "=" + percent_encode(p.value) + "&";
  }
  if (form == answer_form::columns && !names_form) out += "f=columns&";
  return out + "cursor=" + cursor;
}

bool read_count(http::parameters& q) {
  const auto text = q.text("count");
  if (text && *text != "true" && *text != "false") q.fail("count", "count must be true or false");
  return text == "true";
}

}  // namespace

// GET /api/postgres/layers/{layer}/features[?bbox&limit&cursor&properties&count&f]
answer_t features(services& s, http::request& req) {
  const auto l = path_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  viewport_question ask;
  ask.box = q.bbox();
  ask.limit = read_limit(q, s.settings.limits);
  ask.count = read_count(q);
  ask.properties = read_properties(q, **l);
  ask.form = read_form(q, req);
  const std::uint64_t question = question_of(**l, ask.box);
  if (const auto cursor = q.text("cursor")) {
    if (auto key = read_cursor(*cursor, question, (*l)->key.size()); key && is_key_of(**l, *key))
      ask.after = std::move(*key);
    else
      q.fail("cursor", "cursor is not one that this layer and bbox gave out; start again without it");
  }
  if (ask.box && !(*l)->has_geometry())
    q.fail("bbox", "bbox cannot be: layer " + (*l)->config.name + " has no geometry");
  if (auto bad = q.fault()) co_return *bad;
  if (ask.box)
    if (auto none = no_place(**l, "bbox")) co_return *std::move(none);
  if (auto same = unchanged_page(s, req, **l, ask.form)) co_return *std::move(same);

  auto page = co_await s.source->viewport(*l, ask, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  collection_options options;
  options.form = ask.form;
  if (page->more) options.next = next_url(s, req, make_cursor(question, page->last_key), ask.form);
  co_return page_response(req, **l, *std::move(page), options);
}

// GET /api/postgres/layers/{layer}/features/{id}
answer_t feature(services& s, http::request& req) {
  const auto l = path_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;

  const failure absent{errc::not_found, "layer " + (*l)->config.name + " has no feature with this id"};
  const auto key = split_key(req.path_values.at(1), (*l)->key.size());
  if (!key || !is_key_of(**l, *key)) co_return absent;
  if (auto same = unchanged(s, req, http::content_type::geojson, **l)) co_return *std::move(same);
  auto page = co_await s.source->by_key(*l, *key, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  if (page->count == 0) co_return absent;
  co_return data_response(req, http::content_type::geojson, std::move(page->features),
                          versions_of(req, **l, *page));
}

}  // namespace gridlight::api
