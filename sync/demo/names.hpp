#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sync/demo/plane.hpp"
#include "sync/demo/random.hpp"

namespace gridlight::sync::demo {

/// A neighbourhood or town of greater Houston, roughly where it is.
struct place {
  std::string_view name, city, county, zip;
  double lat, lon;
  position at() const noexcept {
    return {static_cast<std::int32_t>(lon * 1e7), static_cast<std::int32_t>(lat * 1e7)};
  }
};
std::span<const place> places();

std::span<const std::string_view> bayous();
std::span<const std::string_view> lakes();

/// The street with this number in a circuit; neighbours differ.
std::string_view street_name(int number) noexcept;

/// Somebody who does not exist.
std::string person_name(random& r);
std::string business_name(random& r, std::string_view kind);

}  // namespace gridlight::sync::demo
