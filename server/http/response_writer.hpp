#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "server/config.hpp"
#include "server/http/compress.hpp"
#include "server/http/negotiate.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/identity/authority.hpp"

namespace gridlight::http {

/// What of the request the writing of its answer depends on.
struct answer_terms {
  bool to_head = false;          ///< no body is sent
  bool may_be_unchanged = true;  ///< GET or HEAD: If-None-Match counts
  bool http_1_1 = true;
  bool keep_alive = true;
  bool varies_by_caller = false;  ///< another caller may get another answer
};

/// Turns responses into bytes: 304, compression, CORS, Server-Timing, framing. One a thread.
class response_writer {
 public:
  /// \param who  by whose headers answers may vary; nullptr: none
  explicit response_writer(const config::http_settings& settings, const identity::authority* who = nullptr);

  /// Puts the head of the answer into `head` (replacing it) and leaves in `res` the body as it is to be sent.
  /// `res.status` becomes 304 when the client has it already; time spent packing is added to req.timing.
  void write(std::string& head, response& res, request& req, const answer_terms& terms);

  /// The answer to OPTIONS: what the path allows, and to a browser's preflight what it asks.
  response options(const request& req, std::string_view allow) const;

 private:
  coding pack(response& res, request& req);
  static void unpack(response& res);
  void append_cors(std::string& head, const request& req) const;
  std::string_view date();

  const config::http_settings& settings_;
  bool any_origin_;
  std::string caller_headers_;
  std::string fixed_;  // header lines that every answer has
  gzip_packer packer_;
  std::time_t date_of_ = 0;
  std::string date_;
};

/// zlib's level for answers made on the fly. Of 89 KB of status rows level 1 makes 9.1 KB in 129 µs, level
/// 3 7.4 KB in 168 µs, level 6 6.5 KB in 480 µs.
inline constexpr int gzip_level = 3;
/// Bodies below this are sent as they are: a packet holds them anyway.
inline constexpr std::size_t min_packed_bytes = 1024;

}  // namespace gridlight::http
