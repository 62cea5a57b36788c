#include "server/http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cmath>

namespace gridlight::http {
namespace {

using boost::beast::http::field;

constexpr std::string_view exposed =
    "ETag, Server-Timing, X-Request-ID, Gridlight-Version, Gridlight-Stale, Gridlight-Dropped, Link, "
    "Location, "
    "Retry-After, Allow, Content-Encoding";

bool compressible(std::string_view type) noexcept {
  return type.starts_with("text/") || type.starts_with("application/json") ||
         type.find("+json") != type.npos || type.starts_with("application/javascript") ||
         type.starts_with("application/yaml") || type.starts_with("image/svg") ||
         type.starts_with("application/vnd.mapbox-vector-tile");
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 24> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

// "db;dur=1.21": hundredths are enough, and integers are cheaper than fixed-point floats.
void append_duration(std::string& out, std::string_view name, double ms) {
  const auto hundredths = static_cast<std::int64_t>(std::llround(std::clamp(ms, 0.0, 1e9) * 100));
  out.append(name).append(";dur=");
  append_number(out, hundredths / 100);
  const auto rest = static_cast<int>(hundredths % 100);
  if (rest == 0) return;
  const char digits[] = {'.', static_cast<char>('0' + rest / 10), static_cast<char>('0' + rest % 10)};
  out.append(digits, 3);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const std::size_t start = out.size();
  out.append(value);
  // A handler's mistake must not become a header of a client's choosing.
  for (std::size_t i = start; i < out.size(); ++i)
    if (static_cast<unsigned char>(out[i]) < 0x20 || out[i] == 0x7F) out[i] = ' ';
  out.append("\r\n");
}

void append_timing(std::string& out, const request_timing& t) {
  out.append("Server-Timing: ");
  append_duration(out, "queue", t.postgres.queue_ms);
  append_duration(out, ", db", t.postgres.db_ms);
  append_duration(out, ", encode", t.encode_ms);
  if (t.cache_ms > 0) append_duration(out, ", cache", t.cache_ms);
  out.append("\r\n");
}

bool has_header(const response& res, std::string_view name) noexcept {
  return std::any_of(res.headers.begin(), res.headers.end(), [&](const auto& h) {
    return boost::beast::iequals({h.first.data(), h.first.size()}, {name.data(), name.size()});
  });
}

}  // namespace

response_writer::response_writer(const config::http_settings& settings, const identity::authority* who)
    : settings_(settings),
      any_origin_(std::find(settings.cors_origins.begin(), settings.cors_origins.end(), "*") !=
                  settings.cors_origins.end()),
      caller_headers_("Authorization, Gridlight-Token"),
      fixed_("X-Content-Type-Options: nosniff\r\n"),
      packer_(gzip_level) {
  if (who != nullptr && !who->user_header().empty()) caller_headers_.append(", ").append(who->user_header());
  if (!any_origin_) return;
  fixed_.append(
      "Access-Control-Allow-Origin: *\r\nTiming-Allow-Origin: *\r\nAccess-Control-Expose-Headers: ");
  fixed_.append(exposed).append("\r\n");
}

std::string_view response_writer::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_of_) {
    std::array<char, 64> text;
    std::tm utc{};
    gmtime_r(&now, &utc);
    const std::size_t n =
        std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    date_.assign(text.data(), n);
    date_of_ = now;
  }
  return date_;
}

// With an allow-list an answer depends on who asks, so caches must keep them apart (Vary).
void response_writer::append_cors(std::string& head, const request& req) const {
  if (any_origin_) return;
  const auto it = req.headers.find(field::origin);
  if (it == req.headers.end()) return;
  const std::string_view origin{it->value().data(), it->value().size()};
  if (std::find(settings_.cors_origins.begin(), settings_.cors_origins.end(), origin) ==
      settings_.cors_origins.end())
    return;
  append_line(head, "Access-Control-Allow-Origin", origin);
  append_line(head, "Timing-Allow-Origin", origin);
  append_line(head, "Access-Control-Expose-Headers", exposed);
}

coding response_writer::pack(response& res, request& req) {
  const coding wanted =
      settings_.compress ? preferred_coding(req.headers, res.brotli != nullptr) : coding::identity;
  if (wanted == coding::identity) return wanted;
  if (wanted == coding::brotli || res.packed) {
    res.shared = std::move(wanted == coding::brotli ? res.brotli : res.packed);
    return wanted;
  }
  if (res.bytes().size() < min_packed_bytes || has_header(res, "Content-Encoding")) return coding::identity;
  const auto start = steady::now();
  std::string packed;
  const bool smaller = packer_.pack(res.bytes(), packed);
  if (smaller) {
    res.body = std::move(packed);
    res.shared = nullptr;
  }
  req.timing.encode_ms += ms_since(start);
  return smaller ? coding::gzip : coding::identity;
}

// Few clients take no gzip: for them what is kept packed is unpacked each time.
void response_writer::unpack(response& res) {
  constexpr std::size_t most = std::size_t{1} << 30;
  res.body = unpack_gzip(*res.packed, most).value();
  res.packed = nullptr;
}

void response_writer::write(std::string& head, response& res, request& req, const answer_terms& terms) {
  const bool varies_by_coding = settings_.compress && !res.live && compressible(res.type);
  coding sent = coding::identity;
  bool unchanged = false;
  if (res.status == 200 && !res.etag.empty() && terms.may_be_unchanged)
    if (const auto match = none_match(req.headers, res.etag)) {
      unchanged = true;
      sent = *match;
      res.status = 304;
    }
  if (!unchanged && varies_by_coding) sent = pack(res, req);
  if (!unchanged && sent == coding::identity && res.packed && !res.shared) unpack(res);
  const bool bodiless = res.status == 304 || res.status == 204;

  head.clear();
  head.append("HTTP/1.1 ");
  append_number(head, res.status);
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(res.status)));
  head.append(" ").append(reason.data(), reason.size()).append("\r\n").append(date());
  if (!bodiless) {
    head.append("Content-Type: ").append(res.type).append("\r\n");
    if (res.live) {
      if (terms.http_1_1) head.append("Transfer-Encoding: chunked\r\n");
    } else {
      head.append("Content-Length: ");
      append_number(head, res.bytes().size());
      head.append("\r\n");
    }
    if (sent != coding::identity)
      head.append("Content-Encoding: ").append(sent == coding::gzip ? "gzip" : "br").append("\r\n");
  }
  if (!res.etag.empty()) {
    head.append("ETag: \"").append(res.etag).append(etag_suffix(sent)).append("\"\r\n");
  }
  if (!res.cache_control.empty()) head.append("Cache-Control: ").append(res.cache_control).append("\r\n");
  if (varies_by_coding || !any_origin_ || terms.varies_by_caller || res.varies_by_accept) {
    head.append("Vary: ");
    const std::size_t start = head.size();
    const auto by = [&](std::string_view name) {
      head.append(head.size() == start ? "" : ", ").append(name);
    };
    if (res.varies_by_accept) by("Accept");
    if (varies_by_coding) by("Accept-Encoding");
    if (!any_origin_) by("Origin");
    if (terms.varies_by_caller) by(caller_headers_);
    head.append("\r\n");
  }
  head.append("X-Request-ID: ").append(req.id).append("\r\n");
  append_timing(head, req.timing);
  head.append(fixed_);
  append_cors(head, req);
  for (const auto& [name, value] : res.headers)
    append_line(head, name, value);
  if (!terms.keep_alive)
    head.append("Connection: close\r\n");
  else if (!terms.http_1_1)
    head.append("Connection: keep-alive\r\n");
  head.append("\r\n");

  if (bodiless || terms.to_head) {
    res.body.clear();
    res.shared = nullptr;
  }
}

response response_writer::options(const request& req, std::string_view allow) const {
  response out;
  out.status = 204;
  out.cache_control.clear();
  std::string methods{allow};
  methods += methods.empty() ? "OPTIONS" : ", OPTIONS";
  if (req.headers.find(field::access_control_request_method) != req.headers.end()) {
    out.headers.emplace_back("Access-Control-Allow-Methods", methods);
    out.headers.emplace_back(
        "Access-Control-Allow-Headers",
        "Accept, Authorization, Content-Type, Gridlight-Token, If-None-Match, Last-Event-ID, X-Request-ID");
    out.headers.emplace_back("Access-Control-Max-Age", "86400");
  }
  out.headers.emplace_back("Allow", std::move(methods));
  return out;
}

}  // namespace gridlight::http
