#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gridlight {

/// The process's metrics in Prometheus' terms. Counting is lock-free and cheap on any thread; rendering walks
/// all. One name is of one type: registering it as another throws std::logic_error (a bug). A handle that was
/// never made counts nowhere. Registering the same gauge again replaces how it is read.
class metrics {
 public:
  using labels = std::vector<std::pair<std::string, std::string>>;

  metrics();
  ~metrics();

  class counter {
   public:
    void add(std::uint64_t n = 1) noexcept;

   private:
    friend class metrics;
    void* cell_ = nullptr;
  };
  class histogram {
   public:
    void observe_ms(double ms) noexcept;  ///< exposed in seconds, buckets from 0.5 ms to 10 s
   private:
    friend class metrics;
    void* cell_ = nullptr;
  };

  /// Registers (or finds) a series; call at set-up, keep the handle. Handles live as long as this object.
  counter make_counter(std::string_view name, std::string_view help, labels l = {});
  histogram make_histogram(std::string_view name, std::string_view help, labels l = {});
  /// A gauge (or a counter kept elsewhere) whose value is asked for when rendering, from any thread; `read`
  /// must not come back here.
  void add_gauge(std::string_view name, std::string_view help, labels l, std::function<double()> read);
  void add_counter_source(std::string_view name, std::string_view help, labels l,
                          std::function<double()> read);

  /// Prometheus text format 0.0.4, families sorted by name, each with HELP and TYPE.
  std::string render() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gridlight
