#pragma once

#include "api/services.hpp"
#include "server/error.hpp"
#include "server/http/response.hpp"

namespace gridlight::api {

/// The failure says that the database is away, not that the question was wrong.
bool database_away(errc code) noexcept;

/// The versions were heard of within limits.stale_for: what is kept may be served, labelled.
bool may_be_stale(const services& s);

/// Adds Gridlight-Stale: the age of what is known of the versions, in seconds.
void label_stale(const services& s, http::response& out);

}  // namespace gridlight::api
