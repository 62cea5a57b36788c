// The head gate on any bytes: what it lets through, Beast's parser must read as one head of that very length,
// framed in the same way; and nothing it says may change when the bytes come piece by piece.
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/http/head_gate.hpp"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace beast_http = boost::beast::http;
  using namespace gridlight::http;
  using state = head::state;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const head_limits limits{256, 1024, 16};
  const head whole = check_head(bytes, limits);
  for (std::size_t n = 0; n < size && n < 200; n += 1 + n / 16) {
    const head part = check_head(bytes.substr(0, n), limits);
    if (part.is == state::refused) must(whole.is == state::refused);
    if (part.is == state::complete) must(whole.is == state::complete && whole.length == part.length);
  }
  if (whole.is == state::refused) must(!whole.reason.empty());
  if (whole.is != state::complete) return 0;

  must(whole.skip + whole.length <= size && whole.length <= limits.max_head);
  const std::string_view text = bytes.substr(whole.skip, whole.length);
  must(text.ends_with("\r\n\r\n"));
  must(check_head(text, limits).length == whole.length);
  must(check_head(text.substr(0, text.size() - 1), limits).is == state::need_more);

  beast_http::request_parser<beast_http::string_body> parser;
  parser.body_limit(boost::none);
  boost::beast::error_code ec;
  const std::size_t used = parser.put(boost::asio::buffer(text), ec);
  if (ec == beast_http::error::bad_value) return 0;  // it reads Proxy-Connection as Connection
  must(!ec || ec == beast_http::error::need_more);
  must(parser.is_header_done() && used == whole.length);
  must(parser.chunked() == whole.frame.chunked);
  must(parser.content_length().has_value() == whole.frame.content_length.has_value());
  if (whole.frame.content_length) must(*parser.content_length() == *whole.frame.content_length);
  if (parser.keep_alive()) must(whole.frame.keep_alive || !whole.frame.http_1_1);
  return 0;
}
