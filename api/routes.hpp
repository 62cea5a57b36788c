#pragma once

#include "api/services.hpp"
#include "server/http/router.hpp"

namespace gridlight::api {

/// Every URL of this server. The router keeps a reference to `s`.
http::router make_routes(services& s);

}  // namespace gridlight::api
