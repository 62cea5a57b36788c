#include "tests/support/naughty.hpp"

#include <string_view>

namespace gridlight::test {
namespace {

using namespace std::string_literals;

std::vector<std::string> make() {
  std::vector<std::string> out{
      // nothing, and what looks like it
      ""s, " "s, "\t"s, "null"s, "NULL"s, "undefined"s, "None"s, "true"s, "false"s, "{}"s, "[]"s, "()"s, "-"s,
      "--"s,
      // quotes and SQL
      "'"s, "''"s, "\""s, "\\"s, "\\'"s, "`"s, ";"s, "'; DROP TABLE transformers; --"s,
      "1; SELECT pg_sleep(10)"s, "' OR '1'='1"s, "1 OR 1=1"s, "1) OR (1=1"s, "' UNION SELECT version()--"s,
      "\"; DELETE FROM substations; --"s, "/*"s, "*/"s, "/**/"s, "$1"s, "$$"s, "$tag$x$tag$"s, ":name"s, "?"s,
      "%s"s, "E'\\x27'"s, "U&'\\0027'"s, "\\x27"s, "x'27'"s, "transformers\"; --"s, "pg_catalog.pg_user"s,
      "information_schema.tables"s, "*"s, "t.*"s, "xmin"s, "ctid"s, "tableoid"s, "geom"s, "layer_state"s,
      "CAST(1 AS text)"s, "1::text"s, "ST_MakePoint(0,0)"s,
      // numbers that are none, or hardly
      "NaN"s, "nan"s, "-NaN"s, "inf"s, "-inf"s, "+inf"s, "Infinity"s, "1e999"s, "-1e999"s, "1e-999"s, "-0"s,
      "0x1F"s, "0b1"s, "0o7"s, "1_000"s, "1,000.5"s, "1.2.3"s, "1e"s, "e1"s, "."s, "-."s, "+1"s, "--1"s,
      "1 "s, " 1"s, "1\n"s, "00000000000000000001"s, "9223372036854775807"s, "9223372036854775808"s,
      "-9223372036854775809"s, "18446744073709551616"s, "179769313486231570000000000000000000000e400"s,
      "4.9e-324"s, "2.2250738585072011e-308"s, "90.0000000000001"s, "-180.00000001"s, "\xD9\xA1\xD9\xA2"s,
      "\xEF\xBC\x91"s, "\xC2\xBD"s, "\xE2\x88\x9E"s, "1\xC2\xA0"s,
      // control characters and null bytes
      "\0"s, "a\0b"s, "1\0"s, "\x01"s, "\x07"s, "\b"s, "\x1B[31mred"s, "\x7F"s, "\r\nX-Injected: 1"s,
      "\r\n\r\nGET / HTTP/1.1"s, "\n"s, "\r"s, "a\vb"s, "a\fb"s, "\xC2\x80"s, "\xC2\x85"s, "\xEF\xBB\xBF"s,
      "\xEF\xBF\xBE"s, "\xEF\xBF\xBF"s,
      // Unicode
      "\xC3\xBC\xC3\xB6\xC3\xA4"s, "e\xCC\x81"s, "\xF0\x9F\x92\xA5"s,
      "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7"s,
      "\xD8\xB9\xD8\xB1\xD8\xA8\xD9\x8A"s, "\xD7\xA2\xD7\x91\xD7\xA8"s,
      "\xE2\x80\xAE"
      "abc"s,
      "\xE2\x80\x8B"s, "\xE2\x80\xA8"s, "\xE7\x94\xB5\xE7\xBD\x91"s, "\xEF\xB7\xBD"s,
      "\xEA\xA7\x81\xEA\xA7\x82"s, "Z\xCC\xB8\xCC\xA1\xCC\xAB\xCC\xAA"s, "\xC4\xB0\xC4\xB1"s, "\xE1\xBA\x9E"s,
      "\xF4\x8F\xBF\xBF"s, "\xEF\xBC\x87"s, "\xCA\xBC"s, "\xE2\x80\x99 OR 1=1"s,
      // what is no UTF-8
      "\x80"s, "\xFF"s, "\xFE\xFF"s, "\xC3"s, "\xC0\x80"s, "\xC0\xAF"s, "\xE0\x80\xAF"s, "\xF0\x80\x80\xAF"s,
      "\xED\xA0\x80"s, "\xED\xA0\xBD\xED\xB2\xA5"s, "\xF4\x90\x80\x80"s, "\xF8\x88\x80\x80\x80"s,
      "a\xC0\xA7 OR 1=1"s, "\xBF' OR 1=1"s,
      // percent encodings, of what will be encoded once more
      "%"s, "%%"s, "%0"s, "%zz"s, "%00"s, "%2527"s, "%27"s, "%c0%af"s, "%u0027"s, "%E2%82"s, "&#39;"s,
      "\\u0000"s, "+"s,
      // parameters and paths
      "a&lon=1"s, "a=b"s, "#"s, "a#b"s, "../../../../etc/passwd"s, "..%2f..%2fetc%2fpasswd"s, "/etc/passwd"s,
      "\\\\host\\c$"s, "C:\\con"s, "file:///etc/passwd"s, "."s, ".."s, "...."s, "~"s, "/"s, "//"s, "/./"s,
      "|cat /etc/passwd"s, "$(id)"s, "`id`"s, "${jndi:ldap://127.0.0.1/a}"s, "{{7*7}}"s, "<%= 7*7 %>"s,
      "<script>alert(1)</script>"s, "\"><img src=x>"s, "javascript:alert(1)"s, "%n%n%n%n"s, "%x%x%x%s"s,
      "{0}"s, "{:>99999999}"s, "%99999999d"s,
      // lists
      ","s, ",,"s, ",,,,"s, "1,"s, ",1"s, "1,2,3"s, "1,2,3,4,5"s, "nan,nan,nan,nan"s, "0,0,0,0"s,
      "180,90,-180,-90"s, "-180,-90,180,90"s, "1e308,1e308,-1e308,-1e308"s, "a,a"s, "1;2;3;4"s, "1|2|3|4"s,
      // structures
      "[1,2]"s, "{\"a\":1}"s, "[[[[[[[[[["s, "<a/>"s, "POINT(0 0)"s, "0101000000"s, "-- comment"s,
      "#comment"s,
      // ids that could be keys
      "XF-0000001"s, "xf-0000001"s, "XF-0000001 "s, "XF-0000001'"s, "a:b:c"s, "a\\:b"s, "\\"s, ":::"s,
      "1:2"s};
  out.emplace_back(1'000, 'A');
  out.emplace_back(3'000, '9');
  out.emplace_back(2'000, '\'');
  out.emplace_back(1'000, '(');
  out.emplace_back(2'000, ',');
  std::string emoji;
  for (int i = 0; i < 500; ++i)
    emoji += "\xF0\x9F\x92\xA5";
  out.push_back(emoji);
  std::string marks = "a";
  for (int i = 0; i < 1'000; ++i)
    marks += "\xCC\x81";
  out.push_back(marks);
  out.push_back("1" + std::string(500, '0') + ".5");
  out.push_back("0." + std::string(1'000, '0') + "1");
  return out;
}

}  // namespace

const std::vector<std::string>& naughty_strings() {
  static const std::vector<std::string> all = make();
  return all;
}

std::string percent_encoded(const std::string& text, bool all) {
  constexpr std::string_view digits = "0123456789ABCDEF", plain = "-._~,:";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!all && (letter || plain.find(c) != plain.npos)) {
      out += c;
      continue;
    }
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace gridlight::test
