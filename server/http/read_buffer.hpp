#pragma once

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace gridlight::http {

/// Bytes received and not used yet; grows from 4 KiB to its bound, never beyond.
class read_buffer {
 public:
  explicit read_buffer(std::size_t bound) : bound_(bound < start_size ? start_size : bound) {}

  std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  bool full() const noexcept { return end_ - begin_ == bound_; }

  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Room for at least one byte more. \pre not full()
  boost::asio::mutable_buffer prepare() {
    if (end_ == capacity_) make_room();
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t n) noexcept { end_ += n; }

  /// Gives all memory back, with what is in it.
  void drop() noexcept {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  static constexpr std::size_t start_size = 4096;

  void make_room() {
    const std::size_t held = end_ - begin_;
    if (capacity_ != 0 && (held < capacity_ / 2 || capacity_ == bound_)) {
      std::memmove(data_.get(), data_.get() + begin_, held);
    } else {
      const std::size_t wanted = capacity_ == 0 ? start_size : capacity_ * 2;
      capacity_ = wanted < bound_ ? wanted : bound_;
      std::unique_ptr<char[]> larger{new char[capacity_]};
      if (held != 0) std::memcpy(larger.get(), data_.get() + begin_, held);
      data_ = std::move(larger);
    }
    begin_ = 0;
    end_ = held;
  }

  std::size_t bound_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace gridlight::http
