// Headers of any value, several of a name: what they choose is one of what there is.
#include <boost/beast/http/fields.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "server/http/negotiate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::http;
  const auto must = [](bool holds) {
    if (!holds) std::abort();
  };
  boost::beast::http::fields headers;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  constexpr std::string_view names[] = {"Accept", "Accept-Encoding", "If-None-Match"};
  // The session lets only lines without control characters through.
  std::size_t line = 0;
  for (std::string_view rest = text; line < 6; ++line) {
    const auto end = rest.find('\n');
    const std::string_view value = rest.substr(0, end);
    for (const auto name : names)
      headers.insert({name.data(), name.size()}, boost::beast::string_view{value.data(), value.size()});
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  const auto coded = preferred_coding(headers);
  must(coded == coding::identity || coded == coding::gzip);
  // Who takes brotli as well loses nothing by our having it.
  must(coded == coding::identity || preferred_coding(headers, true) != coding::identity);
  const std::vector<std::string_view> offered{"application/geo+json",
                                              "application/vnd.gridlight.columns+json", "text/plain"};
  must(preferred_type(headers, offered) < offered.size());
  if (const auto match = none_match(headers, "v17")) {
    must(text.find("v17") != text.npos || text.find('*') != text.npos);
    must(*match == coding::identity || *match == coding::gzip || *match == coding::brotli);
  }
  return 0;
}
