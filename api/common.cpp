#include "api/common.hpp"

#include <algorithm>
#include <array>

#include "api/value_writer.hpp"
#include "server/http/negotiate.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

template <class Items, class Name>
std::string listed(const Items& items, Name name_of) {
  std::string out;
  for (const auto& item : items)
    out += (out.empty() ? "" : ", ") + std::string{name_of(item)};
  return out.empty() ? "none" : out;
}

// Parameters by name: the same question in another order is the same question.
std::uint64_t hash_question(const http::request& req, std::string_view extra) {
  std::vector<const http::query_parameter*> sorted;
  for (const auto& p : req.query)
    sorted.push_back(&p);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  std::uint64_t out = hash64(req.path, hash64(std::to_string(req.configured)));
  if (req.mark != 0) out = hash64(std::to_string(req.mark), out);
  for (const auto* p : sorted) {
    out = hash64({"\0?", 2}, out);
    out = hash64(p->name, out);
    out = hash64({"\0=", 2}, out);
    out = hash64(p->value, out);
  }
  return extra.empty() ? out : hash64(extra, hash64({"\0+", 2}, out));
}

constexpr std::string_view type_of(answer_form form) noexcept {
  return form == answer_form::columns ? http::content_type::columns : http::content_type::geojson;
}

// What tells the forms of one question apart, when the client's Accept alone does.
constexpr std::string_view form_mark(answer_form form) noexcept {
  return form == answer_form::columns ? "columns" : "";
}

}  // namespace

result<std::shared_ptr<const catalog>> loaded_catalog(const services& s) {
  auto out = s.layers.get();
  if (!out)
    return failure{errc::database_unavailable,
                   "the layers have not been read from the database yet; /ready tells why"};
  return out;
}

result<layer_ref> path_layer(const services& s, http::request& req) {
  auto all = loaded_catalog(s);
  if (!all) return all.error();
  const std::string& name = req.path_values.at(0);
  if (const layer* found = (*all)->find(name)) {
    req.configured = hash64(std::to_string(s.settings.limits.default_limit) + s.settings.http.base_path,
                            found->definition);
    req.audit.layer = name;
    req.audit.hide_values = !found->config.personal.empty();
    if (req.audit.hide_values && req.who.allowed.has(identity::scope::personal)) {
      req.audit.saw_personal = true;
      found = &(*all)->unveiled(*found);
    }
    return layer_ref{*all, found};
  }
  for (const auto& broken : (*all)->broken())
    if (broken.name == name)
      return failure{errc::schema_mismatch, "layer " + name + " cannot be served: " + broken.reason};
  return failure{errc::not_found, "there is no layer " + http::shown(name) + "; layers: " +
                                      listed((*all)->layers(), [](const layer& l) { return l.config.name; })};
}

std::optional<failure> no_place(const layer& l, std::string_view parameter) {
  if (l.has_place()) return std::nullopt;
  if (!l.has_geometry())
    return failure{errc::bad_parameter, "layer " + l.config.name + " has no geometry",
                   std::string{parameter}};
  return failure{errc::forbidden,
                 "places of layer " + l.config.name + " are personal data: scope personal is needed"};
}

result<layer_ref> path_spatial_layer(const services& s, http::request& req) {
  auto out = path_layer(s, req);
  if (!out) return out;
  if (auto none = no_place(**out, "layer")) return *std::move(none);
  return out;
}

std::vector<used_version> versions_of(http::request& req, const layer& l, const feature_page& page) {
  req.audit.count = page.count;
  std::vector<used_version> out{{l.config.name, page.version}};
  if (l.snap) out.push_back({l.snap->layer, page.place_version});
  return out;
}

property_selection read_properties(http::parameters& q, const layer& l) {
  if (!q.text("properties")) return std::nullopt;
  const std::vector<property> served = served_properties(l);
  std::vector<std::size_t> out;
  for (const std::string& name : q.list("properties")) {
    const auto found =
        std::find_if(served.begin(), served.end(), [&](const property& p) { return p.name == name; });
    if (found == served.end()) {
      q.fail("properties", "layer " + l.config.name + " has no property " + http::shown(name) +
                               "; properties: " + listed(served, [](const property& p) { return p.name; }));
      return std::nullopt;
    }
    const auto at = static_cast<std::size_t>(found - served.begin());
    if (std::find(out.begin(), out.end(), at) != out.end()) {
      q.fail("properties", "property " + name + " is named twice");
      return std::nullopt;
    }
    out.push_back(at);
  }
  return out;
}

std::int64_t read_limit(http::parameters& q, const config::limit_settings& limits) {
  return q.integer_or("limit", limits.default_limit, 1, limits.max_limit);
}

answer_form read_form(http::parameters& q, const http::request& req) {
  const auto f = q.text("f");
  if (f && *f != "geojson" && *f != "columns")
    q.fail("f", (f->empty() ? "f is empty" : "f is " + http::shown(*f)) + "; it must be geojson or columns");
  if (f) return *f == "columns" ? answer_form::columns : answer_form::geojson;
  constexpr std::string_view offered[] = {http::content_type::geojson, http::content_type::columns};
  return http::preferred_type(req.headers, offered) == 1 ? answer_form::columns : answer_form::geojson;
}

http::response data_response(const http::request& req, std::string_view type, std::string body,
                             const std::vector<used_version>& versions, std::string_view extra) {
  http::response out;
  out.type = type;
  std::string names;
  names.reserve(64);
  bool known = true;
  for (const used_version& v : versions) {
    known = known && v.version.has_value();
    if (!v.version) continue;
    if (!names.empty()) names += ", ";
    names.append(v.layer).append("=").append(std::to_string(*v.version));
  }
  const bool personal = req.audit.saw_personal;
  if (personal) out.cache_control = "private, no-cache";
  out.etag = hex64(known ? hash64(names, hash_question(req, extra)) : hash64(body));
  if (personal) out.etag += "p";
  if (!names.empty()) out.headers.emplace_back("Gridlight-Version", std::move(names));
  out.body = std::move(body);
  return out;
}

std::optional<http::response> unchanged(const services& s, const http::request& req, std::string_view type,
                                        std::span<const std::string_view> layers, std::string_view extra) {
  if (s.versions == nullptr || !http::asks_whether_changed(req.headers)) return std::nullopt;
  const auto known = s.versions->fresh();
  const auto all = s.layers.get();
  if (!known || !all) return std::nullopt;
  std::vector<used_version> now;
  for (const std::string_view layer : layers) {
    const auto found = known->find(layer);
    const gridlight::layer* const of = all->find(layer);
    if (found == known->end() || (of != nullptr && !of->versioned)) return std::nullopt;
    now.push_back({layer, found->second});
  }
  http::response out = data_response(req, type, {}, now, extra);
  if (!http::none_match(req.headers, out.etag)) return std::nullopt;
  return out;
}

std::optional<http::response> unchanged(const services& s, const http::request& req, std::string_view type,
                                        const layer& l, std::string_view extra) {
  if (l.snap) return unchanged(s, req, type, {l.config.name, l.snap->layer}, extra);
  return unchanged(s, req, type, {l.config.name}, extra);
}

std::optional<http::response> unchanged_page(const services& s, const http::request& req, const layer& l,
                                             answer_form form) {
  auto out = unchanged(s, req, type_of(form), l, form_mark(form));
  if (out) out->varies_by_accept = true;
  return out;
}

// The features stay where they were written: what stands before them is put in front.
std::string feature_collection(feature_page page, const collection_options& options) {
  const bool columns = options.form == answer_form::columns;
  std::string head;
  head.reserve(128);
  if (columns) {
    head += R"({"layer":)";
    append_json_string(head, options.layer);
    head += R"(,"length":)";
  } else {
    head += R"({"type":"FeatureCollection","numberReturned":)";
  }
  head += std::to_string(page.count);
  if (page.matched) head += R"(,"numberMatched":)" + std::to_string(*page.matched);
  if (options.with_truncated) head += page.more ? R"(,"truncated":true)" : R"(,"truncated":false)";
  head += columns ? R"(,)" : R"(,"features":[)";
  std::string out = std::move(page.features);
  out.insert(0, head);
  out += columns ? R"(,"links":[)" : R"(],"links":[)";
  if (!options.next.empty()) {
    out += R"({"rel":"next","type":")";
    out += type_of(options.form);
    out += R"(","href":)";
    append_json_string(out, options.next);
    out += '}';
  }
  return out += "]}";
}

http::response page_response(http::request& req, const layer& l, feature_page page,
                             collection_options options) {
  options.layer = l.config.name;
  const auto versions = versions_of(req, l, page);
  auto out = data_response(req, type_of(options.form), feature_collection(std::move(page), options), versions,
                           form_mark(options.form));
  out.varies_by_accept = true;
  return out;
}

std::string hex64(std::uint64_t value) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4)
    out[i] = digits[value & 15];
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != plain.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace gridlight::api
