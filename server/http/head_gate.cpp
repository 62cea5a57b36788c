#include "server/http/head_gate.hpp"

#include <algorithm>
#include <charconv>

#include "server/http/characters.hpp"

namespace gridlight::http {
namespace {

using characters::all_in;

bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_in(characters::token, text);
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// \param name  in lower case
bool same(std::string_view text, std::string_view name) noexcept {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != name[i]) return false;
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

bool all_digits(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// RFC 3986 reg-name: each '%' has its two digits.
bool is_name(std::string_view text) noexcept {
  if (!all_in(characters::host, text)) return false;
  for (auto at = text.find('%'); at != text.npos; at = text.find('%', at + 3))
    if (text.size() - at < 3 || !all_in(characters::hex, text.substr(at + 1, 2))) return false;
  return true;
}

// What stands in brackets: an IPv6 address by its characters, without a zone (RFC 3986), or a later version.
bool is_literal(std::string_view text) noexcept {
  if (text.empty()) return false;
  if (text.front() == 'v' || text.front() == 'V') {
    const auto dot = std::min(text.find('.'), text.size());
    if (dot < 2 || dot + 1 >= text.size() || !all_in(characters::hex, text.substr(1, dot - 1))) return false;
    text.remove_prefix(dot + 1);
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == ':' || (c != '%' && characters::in(characters::host, c)); });
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ':' || c == '.' || characters::in(characters::hex, c); });
}

// uri-host [":" port]; empty is allowed (RFC 9110, 7.2), user information is not.
bool is_host(std::string_view text) noexcept {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || !is_literal(text.substr(1, close - 1))) return false;
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    if (!is_name(text.substr(0, colon))) return false;
    port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  return all_digits(port);
}

class checker {
 public:
  checker(std::string_view bytes, const head_limits& limits) noexcept : bytes_(bytes), limits_(limits) {}

  head run() noexcept {
    std::string_view line;
    skip_empty_lines();
    if (at_ < bytes_.size() && bytes_[at_] != '\r' && !characters::in(characters::token, bytes_[at_]))
      return refuse(errc::bad_request, "the method is malformed");
    const std::size_t start = at_;
    if (!next_line(line, limits_.max_line, errc::uri_too_long, "the request line is too long")) return out_;
    if (!request_line(line)) return out_;
    for (std::size_t fields = 0;; ++fields) {
      const std::size_t left = limits_.max_head - std::min(limits_.max_head, at_ - start);
      if (!next_line(line, left, errc::head_too_large, "the header section is too long")) return out_;
      if (line.empty()) break;
      if (fields == limits_.max_fields)
        return refuse(errc::head_too_large, "there are too many header fields");
      if (!field(line)) return out_;
    }
    if (!agreement()) return out_;
    out_.length = at_ - start;
    out_.is = head::state::complete;
    return out_;
  }

 private:
  head& refuse(errc code, std::string_view reason) noexcept {
    out_.is = head::state::refused;
    out_.code = code;
    out_.reason = reason;
    return out_;
  }
  bool bad(std::string_view reason) noexcept {
    refuse(errc::bad_request, reason);
    return false;
  }

  // RFC 9112, 2.2: some clients send an empty line after a body.
  void skip_empty_lines() noexcept {
    while (bytes_.substr(at_).starts_with("\r\n") && at_ < 16)
      at_ += 2;
    out_.skip = at_;
  }

  // The next line without its CRLF. False when it is not all there yet, or refused.
  bool next_line(std::string_view& line, std::size_t most, errc too_long, std::string_view why) noexcept {
    const std::string_view rest = bytes_.substr(at_);
    const std::size_t lf = rest.find('\n');
    if (lf == std::string_view::npos ? rest.size() > most : lf + 1 > most) {
      refuse(too_long, why);
      return false;
    }
    if (lf == std::string_view::npos) return false;
    if (lf == 0 || rest[lf - 1] != '\r') return bad("a line ends in a bare LF");
    line = rest.substr(0, lf - 1);
    at_ += lf + 1;
    return true;
  }

  bool request_line(std::string_view line) noexcept {
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return bad("the request line is malformed");
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(method)) return bad("the method is malformed");
    if (!is_version(version)) return bad("the HTTP version is malformed");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      refuse(errc::http_version, "only HTTP/1.0 and HTTP/1.1 are spoken here");
      return false;
    }
    out_.frame.http_1_1 = version == "HTTP/1.1";
    if (method == "CONNECT") {
      refuse(errc::not_implemented, "CONNECT is not implemented: this is no proxy");
      return false;
    }
    if (!is_target(method, target)) return bad("the request target is malformed");
    return true;
  }

  static bool is_version(std::string_view text) noexcept {
    return text.size() == 8 && text.starts_with("HTTP/") && all_digits(text.substr(5, 1)) && text[6] == '.' &&
           all_digits(text.substr(7));
  }

  static bool is_target(std::string_view method, std::string_view text) noexcept {
    if (!all_in(characters::target, text)) return false;
    if (text.starts_with('/')) return true;
    if (text == "*") return method == "OPTIONS";
    std::size_t authority = 0;
    if (text.size() > 7 && same(text.substr(0, 7), "http://")) authority = 7;
    if (text.size() > 8 && same(text.substr(0, 8), "https://")) authority = 8;
    if (authority == 0) return false;
    const auto end = std::min(text.find_first_of("/?", authority), text.size());
    return end > authority && is_host(text.substr(authority, end - authority));
  }

  bool field(std::string_view line) noexcept {
    if (line.front() == ' ' || line.front() == '\t') return bad("a header line is folded");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return bad("a header field's name is malformed");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!all_in(characters::value, value)) return bad("a header field's value holds a control character");
    switch (name.size()) {  // the few that matter here differ in length, but for two
      case 4:
        return !same(name, "host") || host(value);
      case 6:
        if (same(name, "expect") && same(value, "100-continue")) out_.frame.expects_continue = true;
        return true;
      case 7:
        return !out_.frame.http_1_1 || !same(name, "upgrade") || upgrade(value);
      case 10:
        return !same(name, "connection") || connection(value);
      case 14:
        return !same(name, "content-length") || content_length(value);
      case 17:
        return !same(name, "transfer-encoding") || transfer_encoding(value);
      default:
        return true;
    }
  }

  bool host(std::string_view value) noexcept {
    if (hosts_++ != 0) return bad("Host is given twice");
    return is_host(value) || bad("Host is malformed");
  }

  bool connection(std::string_view value) noexcept {
    while (!value.empty()) {
      const auto item = value.substr(0, value.find(','));
      value.remove_prefix(std::min(value.size(), item.size() + 1));
      const auto option = trim(item);
      if (!all_in(characters::token, option)) return bad("Connection is malformed");
      if (same(option, "close")) close_ = true;
      if (same(option, "keep-alive")) keep_alive_ = true;
    }
    return true;
  }

  // Java's and curl's clients offer h2c with what may be answered in HTTP/1.1; who asks for another protocol
  // has nothing to say in this one.
  bool upgrade(std::string_view value) noexcept {
    while (!value.empty()) {
      const auto item = value.substr(0, value.find(','));
      value.remove_prefix(std::min(value.size(), item.size() + 1));
      const auto protocol = trim(item);
      if (protocol.empty() || same(protocol, "h2c")) continue;
      refuse(errc::not_implemented, "Upgrade is not implemented: only HTTP/1.1 is spoken here");
      return false;
    }
    return true;
  }

  bool content_length(std::string_view value) noexcept {
    if (out_.frame.content_length) return bad("Content-Length is given twice");
    if (value.empty() || !all_digits(value)) return bad("Content-Length is not a whole number");
    std::int64_t length = 0;  // signed, so that nobody's arithmetic on it overflows
    if (std::from_chars(value.data(), value.data() + value.size(), length).ec != std::errc{})
      return bad("Content-Length is too large a number");
    out_.frame.content_length = static_cast<std::uint64_t>(length);
    return true;
  }

  bool transfer_encoding(std::string_view value) noexcept {
    if (out_.frame.chunked) return bad("Transfer-Encoding is given twice");
    if (same(value, "chunked")) {
      out_.frame.chunked = true;
      return true;
    }
    // RFC 9112, 6.1: an unknown coding under a final chunked is well framed, only not understood.
    const auto comma = value.rfind(',');
    const bool framed = comma != std::string_view::npos && same(trim(value.substr(comma + 1)), "chunked") &&
                        codings_without_chunked(value.substr(0, comma));
    if (!framed) return bad("Transfer-Encoding is not chunked");
    refuse(errc::not_implemented, "no transfer coding but chunked is implemented");
    return false;
  }

  static bool codings_without_chunked(std::string_view list) noexcept {
    for (bool more = true; more;) {
      const auto comma = list.find(',');
      const auto coding = trim(list.substr(0, comma));
      more = comma != std::string_view::npos;
      if (more) list.remove_prefix(comma + 1);
      if (!is_token(coding) || same(coding, "chunked") || same(coding, "identity")) return false;
    }
    return true;
  }

  // What only the whole head shows.
  bool agreement() noexcept {
    framing& f = out_.frame;
    if (f.http_1_1 && hosts_ == 0) return bad("Host is missing");
    if (f.chunked && !f.http_1_1) return bad("Transfer-Encoding in HTTP/1.0");
    if (f.chunked && f.content_length) return bad("both Transfer-Encoding and Content-Length");
    f.keep_alive = !close_ && (f.http_1_1 || keep_alive_);
    f.expects_continue = f.expects_continue && f.http_1_1;
    return true;
  }

  std::string_view bytes_;
  const head_limits& limits_;
  std::size_t at_ = 0;
  int hosts_ = 0;
  bool close_ = false, keep_alive_ = false;
  head out_;
};

}  // namespace

head check_head(std::string_view bytes, const head_limits& limits) noexcept {
  return checker{bytes, limits}.run();
}

}  // namespace gridlight::http
