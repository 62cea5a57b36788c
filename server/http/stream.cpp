#include "server/http/stream.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gridlight::http {

chunk::chunk(std::string_view text) {
  std::array<char, 16> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
  from_ = static_cast<std::size_t>(end - size.data()) + 2;
  framed_.reserve(from_ + text.size() + 2);
  framed_.append(size.data(), end).append("\r\n").append(text).append("\r\n");
}

void stream::begin(chunk_pointer text) {
  waiting_.push_back(std::move(text));
  beginning_ = waiting_.size();
}

void stream::send(chunk_pointer text) {
  if (state_ != state::open) return;
  bytes_ += text->plain().size();
  waiting_.push_back(std::move(text));
  const std::size_t count = waiting_.size() - std::max(first_, beginning_);
  if (count > most_waiting || (count > 1 && bytes_ > most_waiting_bytes)) return change(state::too_slow);
  if (wake_) wake_();
}

void stream::end() {
  if (state_ == state::open) change(state::ended);
}

void stream::give_up() {
  std::vector<chunk_pointer>{}.swap(waiting_);
  first_ = beginning_ = bytes_ = 0;
  end();
}

void stream::change(state to) {
  state_ = to;
  if (wake_) wake_();
}

chunk_pointer stream::next() {
  if (first_ == waiting_.size()) return nullptr;
  chunk_pointer out = std::move(waiting_[first_++]);
  if (first_ > beginning_) bytes_ -= out->plain().size();
  if (first_ == waiting_.size()) {
    std::vector<chunk_pointer>{}.swap(waiting_);  // most wait long for the next
    first_ = beginning_ = 0;
  }
  return out;
}

}  // namespace gridlight::http
