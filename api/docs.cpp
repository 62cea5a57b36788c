#include "api/docs.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/value_writer.hpp"
#include "embedded/docs_assets.hpp"
#include "embedded/openapi.hpp"

namespace gridlight::api {
namespace {

// The page loads nothing from elsewhere and may be framed by nobody.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'";

bool is_json_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

void append_node(std::string& out, const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      out += '{';
      for (const auto& item : node) {
        if (out.back() != '{') out += ',';
        append_json_string(out, item.first.Scalar());
        out += ':';
        append_node(out, item.second);
      }
      out += '}';
      return;
    }
    case YAML::NodeType::Sequence: {
      out += '[';
      bool first = true;
      for (const auto& item : node) {
        if (!first) out += ',';
        first = false;
        append_node(out, item);
      }
      out += ']';
      return;
    }
    case YAML::NodeType::Scalar: {
      const std::string& text = node.Scalar();
      const bool plain = node.Tag() == "?";
      if (plain && (text == "true" || text == "false" || is_json_number(text)))
        out += text;
      else
        append_json_string(out, text);
      return;
    }
    default:
      out += "null";
  }
}

std::string_view asset(std::string_view name) {
  for (const auto& file : embedded::docs_assets)
    if (file.name == name) return file.text;
  return {};
}

result<http::response> constant(http::request& req, std::string_view type, std::string_view text) {
  http::parameters q{req};
  if (auto bad = q.fault()) return *bad;
  http::response out = data_response(req, type, std::string{text}, {{"", std::nullopt}});
  out.headers.emplace_back("Content-Security-Policy", policy);
  out.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return out;
}

}  // namespace

std::string yaml_to_json(std::string_view yaml) {
  std::string out;
  append_node(out, YAML::Load(std::string{yaml}));
  return out;
}

// GET /openapi.json
answer_t openapi(services&, http::request& req) {
  static const std::string text = yaml_to_json(embedded::openapi[0].text);
  co_return constant(req, http::content_type::json, text);
}

// GET /docs
answer_t docs_page(services&, http::request& req) {
  co_return constant(req, http::content_type::html, asset("docs.html"));
}

// GET /docs/docs.js
answer_t docs_script(services&, http::request& req) {
  co_return constant(req, "text/javascript; charset=utf-8", asset("docs.js"));
}

// GET /docs/docs.css
answer_t docs_style(services&, http::request& req) {
  co_return constant(req, "text/css; charset=utf-8", asset("docs.css"));
}

}  // namespace gridlight::api
