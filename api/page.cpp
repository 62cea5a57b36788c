#include "embedded/page.hpp"
#include "api/common.hpp"
#include "api/handlers.hpp"
#include "embedded/plain_page.hpp"
#include "server/http/static_files.hpp"
#include "server/http/url.hpp"

// The map page and what it is made of, as static/ was built; without that a page that says how to build it.
namespace gridlight::api {
namespace {

// Nothing from elsewhere, nothing inline, no frame round it. blob: and data: are pictures that the map draws
// itself.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
    "'self'; "
    "worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const http::static_files& bundle() {
  static const http::static_files out{embedded::page};
  return out;
}

std::string_view plain(std::string_view name) {
  for (const auto& file : embedded::plain_page)
    if (file.name == name) return file.text;
  return {};
}

http::response of_text(std::string_view type, std::string_view text) {
  http::response out;
  out.type = type;
  out.body = text;
  out.etag = hex64(hash64(text));
  return out;
}

result<http::response> page(http::request& req, std::string_view name) {
  http::parameters q{req};
  if (auto bad = q.fault()) return *bad;
  const http::response* const built = bundle().find(name);
  http::response out = built != nullptr ? *built : of_text(http::content_type::html, plain("plain.html"));
  out.headers.emplace_back("Content-Security-Policy", policy);
  out.headers.emplace_back("Referrer-Policy", "no-referrer");
  return out;
}

}  // namespace

// GET /
answer_t map_page(services&, http::request& req) {
  co_return page(req, "index.html");
}

// GET /status
answer_t status_page(services&, http::request& req) {
  co_return page(req, "status.html");
}

// GET /static/{file}
answer_t page_file(services&, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const std::string& name = req.path_values.at(0);
  if (const http::response* const built = bundle().find("static/" + name)) {
    http::response out = *built;
    // The name is made of the bytes: other bytes have another.
    out.cache_control = "public, max-age=31536000, immutable";
    co_return out;
  }
  if (name == "plain.css") co_return of_text("text/css; charset=utf-8", plain(name));
  co_return failure{errc::not_found, "the page has no file " + http::shown(name)};
}

}  // namespace gridlight::api
