#include "geo/geometry.hpp"

// Only the reentrant functions of the C API may be used: a context belongs to one thread.
#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

#include <memory>
#include <string_view>

namespace gridlight::geo {
namespace {

// A GEOS context and the last complaint GEOS made in it.
class geos_context {
 public:
  geos_context() : handle_{GEOS_init_r()} {
    GEOSContext_setErrorMessageHandler_r(handle_, &geos_context::remember, this);
  }
  ~geos_context() { GEOS_finish_r(handle_); }
  geos_context(const geos_context&) = delete;
  geos_context& operator=(const geos_context&) = delete;

  GEOSContextHandle_t handle() const noexcept { return handle_; }
  const std::string& complaint() const noexcept { return complaint_; }

  static geos_context& of_this_thread() {
    thread_local geos_context context;
    return context;
  }

 private:
  static void remember(const char* message, void* self) noexcept {
    try {
      static_cast<geos_context*>(self)->complaint_ = message;
    } catch (...) {
      // Out of memory while GEOS reports an error: its C frames must not see an exception.
    }
  }

  GEOSContextHandle_t handle_;
  std::string complaint_;
};

struct destroy {
  GEOSContextHandle_t context;
  void operator()(GEOSGeometry* g) const noexcept { GEOSGeom_destroy_r(context, g); }
  void operator()(GEOSWKBReader* r) const noexcept { GEOSWKBReader_destroy_r(context, r); }
  void operator()(char* text) const noexcept { GEOSFree_r(context, text); }
};
template <class T>
using handle = std::unique_ptr<T, destroy>;

lonlat position_of(GEOSContextHandle_t context, const GEOSGeometry* point) {
  lonlat at;
  if (point == nullptr || GEOSGeomGetX_r(context, point, &at.lon) != 1 ||
      GEOSGeomGetY_r(context, point, &at.lat) != 1)
    return {};
  return at;
}

}  // namespace

std::optional<invalidity> find_invalidity(std::span<const std::byte> wkb) {
  geos_context& geos = geos_context::of_this_thread();
  const auto context = geos.handle();
  const handle<GEOSWKBReader> reader{GEOSWKBReader_create_r(context), {context}};
  const handle<GEOSGeometry> geometry{
      GEOSWKBReader_read_r(context, reader.get(), reinterpret_cast<const unsigned char*>(wkb.data()),
                           wkb.size()),
      {context}};
  if (!geometry) return invalidity{geos.complaint(), {}};

  char* reason = nullptr;
  GEOSGeometry* place = nullptr;
  const char valid = GEOSisValidDetail_r(context, geometry.get(), 0, &reason, &place);
  const handle<char> reason_owner{reason, {context}};
  const handle<GEOSGeometry> place_owner{place, {context}};
  if (valid == 1) return std::nullopt;
  if (valid != 0) return invalidity{geos.complaint(), {}};
  return invalidity{reason != nullptr ? reason : "not valid", position_of(context, place)};
}

}  // namespace gridlight::geo
