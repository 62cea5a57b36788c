#include <algorithm>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/search_sql.hpp"
#include "server/http/url.hpp"

namespace gridlight::api {
namespace {

constexpr std::size_t longest_text = 200;  // bytes
constexpr std::int64_t default_limit = 20, most = 100;

std::string read_text(http::parameters& q) {
  const auto text = q.text("q");
  if (!text)
    q.fail("q", "q is missing; it must be what to search for, 1 to 200 bytes");
  else if (text->empty() || text->find_first_not_of(" \t\r\n") == text->npos)
    q.fail("q", "q is empty; it must be what to search for, 1 to 200 bytes");
  else if (text->size() > longest_text)
    q.fail("q", "q has " + std::to_string(text->size()) + " bytes; it must have 1 to 200");
  return std::string{text.value_or("")};
}

bool is_named(const searched_layer& s, std::string_view name) {
  return s.it->config.name == name;
}

// Those that `layers` names; without it all but tables of others, whose keys may have no index.
std::vector<const layer*> read_layers(http::parameters& q, const catalog& c,
                                      std::span<const searched_layer> all,
                                      std::optional<failure>& forbidden) {
  std::vector<const layer*> out;
  if (!q.text("layers")) {
    for (const searched_layer& s : all)
      if (s.it->config.mode != layer_mode::attached) out.push_back(s.it);
    return out;
  }
  for (const std::string& name : q.list("layers")) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return is_named(s, name); });
    if (found == all.end()) {
      if (c.find(name) != nullptr) {
        forbidden =
            failure{errc::forbidden, "places of layer " + name +
                                         " are personal data: scope personal is needed to search them"};
        continue;
      }
      std::string known;
      for (const searched_layer& s : all)
        known += (known.empty() ? "" : ", ") + s.it->config.name;
      q.fail("layers", "there is no layer " + http::shown(name) + "; layers: " + known);
    } else if (std::find(out.begin(), out.end(), found->it) != out.end()) {
      q.fail("layers", "layers names " + name + " twice");
    } else {
      out.push_back(found->it);
    }
  }
  return out;
}

// Of what decides an answer beside rows and question: the layers' definitions, and the way they are searched,
// which may change with their size.
std::uint64_t configured(const std::vector<const layer*>& layers, std::span<const searched_layer> all) {
  std::string out;
  for (const layer* l : layers)
    for (const searched_layer& s : all)
      if (s.it == l)
        out += std::to_string(l->definition) + " " + std::to_string(static_cast<int>(s.key)) +
               (s.names ? "n " : " ");
  return hash64(out);
}

// What is typed into a search box may be a person's name: no log gets it.
void note(http::request& req, const catalog& c, const std::vector<const layer*>& layers) {
  req.audit.hide_values = true;
  for (const layer* l : layers)
    if (const layer* veiled = c.find(l->config.name); veiled != nullptr && veiled->hides_place()) {
      req.audit.layer = l->config.name;
      req.audit.saw_personal = true;
    }
}

}  // namespace

// GET /api/postgres/search?q[&layers&limit]
answer_t search(services& s, http::request& req) {
  req.audit.hide_values = true;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  http::parameters q{req};
  const std::string text = read_text(q);
  search_question ask;
  ask.owner = *all;
  ask.text = text;
  ask.personal = req.who.allowed.has(identity::scope::personal);
  ask.limit = q.integer_or("limit", default_limit, 1, most);
  const auto may = searchable(**all, ask.personal);
  std::optional<failure> forbidden;
  ask.layers = read_layers(q, **all, may, forbidden);
  if (auto bad = q.fault()) co_return *bad;
  if (forbidden) co_return *std::move(forbidden);
  const collection_options options{.with_truncated = true, .next = {}, .form = {}};
  if (ask.layers.empty())  // all of them are somebody else's
    co_return data_response(req, http::content_type::geojson, feature_collection({}, options), {});
  note(req, **all, ask.layers);
  req.configured = configured(ask.layers, may);
  std::vector<std::string_view> names;
  for (const layer* l : ask.layers)
    names.push_back(l->config.name);
  if (auto same = unchanged(s, req, http::content_type::geojson, std::span<const std::string_view>{names}))
    co_return *std::move(same);

  auto page = co_await s.source->search(ask, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  req.audit.count = page->count;
  std::vector<used_version> versions;
  for (std::size_t i = 0; i < names.size(); ++i)
    versions.push_back({names[i], page->versions[i]});
  feature_page found;
  found.features = std::move(page->features);
  found.count = page->count;
  found.more = page->more;
  co_return data_response(req, http::content_type::geojson, feature_collection(std::move(found), options),
                          versions);
}

}  // namespace gridlight::api
