#pragma once

// Only the reentrant functions of the C API may be used: a context belongs to one thread.
#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

#include <memory>
#include <string>

namespace gridlight::geo {

/// A GEOS context and the last complaint GEOS made in it.
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

/// Gives a GEOS object back to its context.
struct geos_destroy {
  GEOSContextHandle_t context;
  void operator()(GEOSGeometry* g) const noexcept { GEOSGeom_destroy_r(context, g); }
  void operator()(GEOSWKBReader* r) const noexcept { GEOSWKBReader_destroy_r(context, r); }
  void operator()(GEOSWKBWriter* w) const noexcept { GEOSWKBWriter_destroy_r(context, w); }
  void operator()(GEOSWKTReader* r) const noexcept { GEOSWKTReader_destroy_r(context, r); }
  void operator()(unsigned char* bytes) const noexcept { GEOSFree_r(context, bytes); }
  void operator()(char* text) const noexcept { GEOSFree_r(context, text); }
};
template <class T>
using handle = std::unique_ptr<T, geos_destroy>;

}  // namespace gridlight::geo
