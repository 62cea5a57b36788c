#include "server/http/static_files.hpp"

#include <utility>

namespace gridlight::http {
namespace {

std::shared_ptr<const std::string> kept(std::string_view bytes) {
  return bytes.empty() ? nullptr : std::make_shared<const std::string>(bytes);
}

}  // namespace

std::string_view type_of_file(std::string_view name) noexcept {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", content_type::html},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".woff2", "font/woff2"},
      {".json", content_type::json},
      {".txt", content_type::text},
  };
  for (const auto& [ending, type] : types)
    if (name.ends_with(ending)) return type;
  return "application/octet-stream";
}

static_files::static_files(std::span<const embedded::page_file> files) {
  for (const embedded::page_file& f : files) {
    response out;
    out.type = type_of_file(f.name);
    out.etag = f.tag;
    out.shared = std::make_shared<const std::string>(f.plain);
    out.packed = kept(f.gzip);
    out.brotli = kept(f.brotli);
    answers_.emplace(f.name, std::move(out));
  }
}

const response* static_files::find(std::string_view name) const {
  const auto at = answers_.find(name);
  return at == answers_.end() ? nullptr : &at->second;
}

}  // namespace gridlight::http
