#pragma once

#include <memory>

#include "server/config.hpp"
#include "server/http/request_metrics.hpp"
#include "server/http/response_writer.hpp"
#include "server/http/router.hpp"
#include "server/identity/authority.hpp"
#include "server/identity/networks.hpp"

namespace gridlight::http {

/// What one thread serves by, all of one configuration. A request keeps that with which it began, whatever is
/// configured meanwhile.
class serving {
 private:
  // Before what refers to them.
  std::shared_ptr<const config::http_settings> kept_settings_;
  std::shared_ptr<const router> kept_routes_;
  std::shared_ptr<const identity::authority> kept_who_;

 public:
  /// \param w  nullptr: everybody may read
  serving(std::shared_ptr<const config::http_settings> s, std::shared_ptr<const router> r,
          std::shared_ptr<const identity::authority> w, metrics& m)
      : kept_settings_(std::move(s)),
        kept_routes_(std::move(r)),
        kept_who_(std::move(w)),
        settings(*kept_settings_),
        routes(*kept_routes_),
        who(kept_who_.get()),
        proxies(settings.trusted_proxies),
        counted(m, routes.routes()),
        writer(settings, who) {}
  serving(const serving&) = delete;
  serving& operator=(const serving&) = delete;

  const config::http_settings& settings;
  const router& routes;
  const identity::authority* const who;  ///< nullptr: everybody may read
  const identity::networks proxies;      ///< http.trusted_proxies
  request_metrics counted;
  response_writer writer;
};

}  // namespace gridlight::http
