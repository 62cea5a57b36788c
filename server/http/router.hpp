#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/identity/authority.hpp"

namespace gridlight::http {

using handler = std::function<boost::asio::awaitable<result<response>>(request&)>;

/// A URL of this server.
struct route {
  boost::beast::http::verb method;
  std::string pattern;  ///< "/api/postgres/layers/{layer}/within"; also the metric's label
  handler handle;
  std::size_t max_body = 0;  ///< bytes; 0: no body allowed
  identity::access needs = identity::access::read;
  bool always = false;  ///< http.rate_limit does not count it
};

/// Finds the route of a path; a literal segment wins over a {name}. Read-only after the last add.
class router {
 public:
  router();
  ~router();
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;

  void add(route r);
  const std::vector<route>& routes() const noexcept;

  struct match {
    const route* found = nullptr;
    std::vector<std::string> path_values;  ///< percent-decoded
    std::string allow;  ///< methods of the path when only the method is wrong ("GET, HEAD")
  };
  /// \param path  raw, still percent-encoded: an encoded slash is data, not a separator.
  match find(boost::beast::http::verb method, std::string_view path) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gridlight::http
