#include "server/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <stdexcept>

namespace gridlight {
namespace {

// Threads write to stripes of their own, so that a busy counter is no shared cache line.
constexpr std::size_t stripes = 8;
constexpr std::size_t cache_line = 64;

std::size_t my_stripe() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % stripes;
  return mine;
}

struct bound {
  double ms;
  std::string_view le;  // in seconds, as Prometheus shows it
};
constexpr std::array bounds{bound{0.5, "0.0005"}, bound{1, "0.001"}, bound{2, "0.002"}, bound{5, "0.005"},
                            bound{10, "0.01"},    bound{20, "0.02"}, bound{50, "0.05"}, bound{100, "0.1"},
                            bound{200, "0.2"},    bound{500, "0.5"}, bound{1000, "1"},  bound{2000, "2"},
                            bound{5000, "5"},     bound{10000, "10"}};
constexpr std::size_t bucket_count = bounds.size() + 1;

struct alignas(cache_line) counter_slot {
  std::atomic<std::uint64_t> value{0};
};
using counter_cell = std::array<counter_slot, stripes>;

struct alignas(cache_line) histogram_slot {
  std::array<std::atomic<std::uint64_t>, bucket_count> buckets{};
  std::atomic<std::uint64_t> sum_ns{0};
};
using histogram_cell = std::array<histogram_slot, stripes>;

std::uint64_t total(const counter_cell& cell) {
  std::uint64_t sum = 0;
  for (const counter_slot& slot : cell)
    sum += slot.value.load(std::memory_order_relaxed);
  return sum;
}

void escape_into(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (quotes && c == '"') {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

// `a="1",b="2"`, without braces: a histogram adds its `le`.
std::string label_text(const metrics::labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name;
    out += "=\"";
    escape_into(out, value, true);
    out += '"';
  }
  return out;
}

std::string number_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", v);
}

void line(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
          std::string_view value) {
  out += name;
  out += suffix;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

void histogram_lines(std::string& out, std::string_view name, const std::string& labels,
                     const histogram_cell& cell) {
  std::uint64_t below = 0, sum_ns = 0;
  const std::string before = labels.empty() ? "" : labels + ",";
  for (std::size_t b = 0; b < bucket_count; ++b) {
    for (const histogram_slot& slot : cell)
      below += slot.buckets[b].load(std::memory_order_relaxed);
    const std::string_view le = b < bounds.size() ? bounds[b].le : "+Inf";
    line(out, name, "_bucket", fmt::format("{}le=\"{}\"", before, le), fmt::format("{}", below));
  }
  for (const histogram_slot& slot : cell)
    sum_ns += slot.sum_ns.load(std::memory_order_relaxed);
  line(out, name, "_sum", labels, number_text(static_cast<double>(sum_ns) / 1e9));
  line(out, name, "_count", labels,
       fmt::format("{}", below));  // the +Inf bucket, so that the two always agree
}

struct series {
  std::unique_ptr<counter_cell> counter;
  std::unique_ptr<histogram_cell> histogram;
  std::function<double()> read;
};

struct family {
  std::string_view type;
  std::string help;
  std::map<std::string, series> all;  // by label text
};

}  // namespace

struct metrics::impl {
  mutable std::mutex lock;  // of registering and rendering; counting never takes it
  std::map<std::string, family, std::less<>> families;

  series& find(std::string_view name, std::string_view type, std::string_view help, const labels& l) {
    const auto at = families.try_emplace(std::string{name}, family{type, std::string{help}, {}}).first;
    if (at->second.type != type)
      throw std::logic_error{fmt::format("metric {} is a {}, not a {}", name, at->second.type, type)};
    return at->second.all[label_text(l)];
  }
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

void metrics::counter::add(std::uint64_t n) noexcept {
  if (cell_ == nullptr) return;
  (*static_cast<counter_cell*>(cell_))[my_stripe()].value.fetch_add(n, std::memory_order_relaxed);
}

void metrics::histogram::observe_ms(double ms) noexcept {
  if (cell_ == nullptr) return;
  if (!(ms > 0)) ms = 0;  // NaN too
  const auto at = std::find_if(bounds.begin(), bounds.end(), [&](const bound& b) { return ms <= b.ms; });
  histogram_slot& slot = (*static_cast<histogram_cell*>(cell_))[my_stripe()];
  slot.buckets[static_cast<std::size_t>(at - bounds.begin())].fetch_add(1, std::memory_order_relaxed);
  constexpr double longest_ms = 1e9;  // eleven days: keeps the sum in range whatever comes
  slot.sum_ns.fetch_add(static_cast<std::uint64_t>(std::min(ms, longest_ms) * 1e6),
                        std::memory_order_relaxed);
}

metrics::counter metrics::make_counter(std::string_view name, std::string_view help, labels l) {
  const std::lock_guard guard{impl_->lock};
  series& s = impl_->find(name, "counter", help, l);
  if (!s.counter) s.counter = std::make_unique<counter_cell>();
  counter handle;
  handle.cell_ = s.counter.get();
  return handle;
}

metrics::histogram metrics::make_histogram(std::string_view name, std::string_view help, labels l) {
  const std::lock_guard guard{impl_->lock};
  series& s = impl_->find(name, "histogram", help, l);
  if (!s.histogram) s.histogram = std::make_unique<histogram_cell>();
  histogram handle;
  handle.cell_ = s.histogram.get();
  return handle;
}

void metrics::add_gauge(std::string_view name, std::string_view help, labels l,
                        std::function<double()> read) {
  const std::lock_guard guard{impl_->lock};
  impl_->find(name, "gauge", help, l).read = std::move(read);
}

void metrics::add_counter_source(std::string_view name, std::string_view help, labels l,
                                 std::function<double()> read) {
  const std::lock_guard guard{impl_->lock};
  impl_->find(name, "counter", help, l).read = std::move(read);
}

std::string metrics::render() const {
  const std::lock_guard guard{impl_->lock};
  std::string out;
  for (const auto& [name, f] : impl_->families) {
    out += fmt::format("# HELP {} ", name);
    escape_into(out, f.help, false);
    out += fmt::format("\n# TYPE {} {}\n", name, f.type);
    for (const auto& [label, s] : f.all) {
      if (s.histogram) {
        histogram_lines(out, name, label, *s.histogram);
      } else if (s.read) {
        line(out, name, "", label, number_text(s.read()));
      } else if (s.counter) {
        line(out, name, "", label, fmt::format("{}", total(*s.counter)));
      }
    }
  }
  return out;
}

}  // namespace gridlight
