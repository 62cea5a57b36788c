#pragma once

#include <boost/url/url_view.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace gridlight::api {

/// What `gridlight tiles warm` asks a server by: one connection, opened again when the server closed it. Of
/// one thread.
class warm_client {
 public:
  struct unanswered : std::runtime_error {
    explicit unanswered(std::chrono::seconds after)
        : std::runtime_error{"no answer within " + std::to_string(after.count()) + " s"} {}
  };
  struct reply {
    int status = 0;
    std::string body;
  };
  /// \param server    http or https, with the base path. Of https the certificate must be for the host, and
  /// signed by an authority that this machine trusts \param patience  how long a connection, and then each
  /// answer, may take
  warm_client(boost::urls::url_view server, std::string token, std::chrono::seconds patience);
  ~warm_client();

  /// \param packed  as browsers ask for tiles; the body is then left packed
  /// \throws unanswered when that took too long, std::exception for other failures
  reply get(const std::string& path, bool packed);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gridlight::api
