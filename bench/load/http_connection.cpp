#include "bench/load/http_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <stdexcept>

namespace gridlight::bench {
namespace asio = boost::asio;
namespace {

constexpr std::string_view length_field = "\r\ncontent-length:";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::size_t content_length(std::string_view head) {
  for (std::size_t at = head.find('\r'); at != std::string_view::npos; at = head.find('\r', at + 1)) {
    const std::string_view line = head.substr(at);
    if (line.size() < length_field.size()) break;
    bool same = true;
    for (std::size_t i = 0; same && i < length_field.size(); ++i)
      same = lower(line[i]) == length_field[i];
    if (!same) continue;
    const char* from = line.data() + length_field.size();
    while (*from == ' ')
      ++from;
    std::size_t n = 0;
    std::from_chars(from, head.data() + head.size(), n);
    return n;
  }
  throw std::runtime_error{"an answer without Content-Length"};
}

}  // namespace

asio::awaitable<void> http_connection::connect(asio::ip::tcp::endpoint where) {
  co_await socket_.async_connect(where, asio::use_awaitable);
  socket_.set_option(asio::ip::tcp::no_delay{true});
}

void http_connection::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<reply> http_connection::exchange(std::string_view request) {
  co_await asio::async_write(socket_, asio::buffer(request), asio::use_awaitable);
  constexpr std::size_t start_size = 64 * 1024;
  if (in_.size() < start_size) in_.resize(start_size);
  std::size_t have = 0, need = 0, head_end = 0;
  int status = 0;
  while (need == 0 || have < need) {
    if (have == in_.size()) in_.resize(in_.size() * 2);
    have += co_await socket_.async_read_some(asio::buffer(in_.data() + have, in_.size() - have),
                                             asio::use_awaitable);
    if (need != 0) continue;
    const std::string_view seen{in_.data(), have};
    const auto end = seen.find("\r\n\r\n");
    if (end == std::string_view::npos) continue;
    head_end = end + 4;
    if (seen.size() < 12 || !seen.starts_with("HTTP/1.1 "))
      throw std::runtime_error{"an answer that is no HTTP/1.1"};
    std::from_chars(seen.data() + 9, seen.data() + 12, status);
    const bool bodyless = status == 204 || status == 304;
    need = head_end + (bodyless ? 0 : content_length(seen.substr(0, end + 2)));
  }
  if (have != need) throw std::runtime_error{"more bytes than the answer's Content-Length"};
  co_return reply{status, std::string_view{in_.data() + head_end, need - head_end}};
}

}  // namespace gridlight::bench
