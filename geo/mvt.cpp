#include "geo/mvt.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "geo/hash.hpp"

namespace gridlight::geo {
namespace {

// Tags of the specification's messages: field number * 8 + wire type (0 varint, 1 eight bytes, 2 bytes).
enum layer_tag : char {
  name = 0x0a,
  feature = 0x12,
  key = 0x1a,
  value = 0x22,
  extent = 0x28,
  version = 0x78
};
enum feature_tag : char { id = 0x08, tags = 0x12, type = 0x18, geometry = 0x22 };
enum value_tag : char { text = 0x0a, real = 0x19, natural = 0x28, negative = 0x30, truth = 0x38 };
constexpr char tile_layer_tag = 0x1a;
constexpr int specification_version = 2;
enum command : std::uint32_t { move_to = 1, line_to = 2, close_path = 7 };

constexpr std::size_t max_varint = 10;

char* put(char* at, std::uint64_t number) noexcept {
  for (; number >= 0x80; number >>= 7)
    *at++ = static_cast<char>(number | 0x80);
  *at++ = static_cast<char>(number);
  return at;
}
char* put_command(char* at, command c, std::size_t count) noexcept {
  return put(at, c | count << 3);
}
char* put_signed(char* at, std::int32_t number) noexcept {
  return put(at, static_cast<std::uint32_t>(number) << 1 ^ static_cast<std::uint32_t>(number >> 31));
}

std::size_t varint_size(std::uint64_t number) noexcept {
  return static_cast<std::size_t>(std::bit_width(number | 1) + 6) / 7;
}
std::size_t with_length(std::size_t size) noexcept {
  return varint_size(size) + size;
}

// A tag, the length of what follows it, and that.
void append_bytes(std::string& out, char tag, std::string_view head, std::string_view tail = {}) {
  char start[1 + max_varint];
  start[0] = tag;
  char* const end = put(start + 1, head.size() + tail.size());
  out.append(start, end);
  out.append(head);
  out.append(tail);
}

class cursor {
 public:
  explicit cursor(char* at) noexcept : at_{at} {}
  void go(command c, std::size_t count) noexcept { at_ = put_command(at_, c, count); }
  void to(grid_point p) noexcept {
    at_ = put_signed(at_, p.x - last_.x);
    at_ = put_signed(at_, p.y - last_.y);
    last_ = p;
  }
  char* end() const noexcept { return at_; }

 private:
  char* at_;
  grid_point last_;
};

}  // namespace

mvt_layer::mvt_layer(std::string_view name, const tile& t, std::span<const std::string> keys, int extent,
                     int buffer)
    : name_{name}, extent_{extent}, shaper_{t, extent, buffer}, keys_(keys.size()) {
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys_[i].name = keys[i];
}

void mvt_layer::restart(const tile& t) {
  shaper_.restart(t);
  for (key_state& k : keys_)
    k.index = k.last = 0;
  std::fill(slots_.begin(), slots_.end(), slot{});
  count_ = 0;
  keys_used_ = values_used_ = 0;
  features_.clear();
  key_list_.clear();
  values_.clear();
}

bool mvt_layer::begin(std::uint64_t id, std::span<const std::byte> ewkb) {
  return start(id, shaper_.shape(ewkb));
}

bool mvt_layer::begin_lattice(std::uint64_t id, std::span<const std::byte> lines) {
  return start(id, shaper_.shape_lattice(lines));
}

bool mvt_layer::start(std::uint64_t id, bool shaped) {
  if (!shaped) return false;
  id_ = id;
  tags_.clear();
  write_geometry();
  return true;
}

void mvt_layer::write_geometry() {
  const grid_shape& shape = shaper_.result();
  // A varint of a difference of int32 has five bytes at most, a command, too.
  const std::size_t room = 10 * shape.points.size() + 15 * shape.parts.size() + 5;
  if (geometry_.size() < room) geometry_.resize(room);
  cursor out{geometry_.data()};
  if (shape.kind == shape_kind::point) {
    out.go(move_to, shape.points.size());
    for (const grid_point p : shape.points)
      out.to(p);
  }
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    const auto points = shape.part_points(i);
    out.go(move_to, 1);
    out.to(points[0]);
    out.go(line_to, points.size() - 1);
    for (const grid_point p : points.subspan(1))
      out.to(p);
    if (shape.kind == shape_kind::polygon) out.go(close_path, 1);
  }
  geometry_size_ = static_cast<std::size_t>(out.end() - geometry_.data());
}

void mvt_layer::end() {
  char head[4 * (1 + max_varint)], middle[2 + 1 + max_varint];
  char* h = head;
  *h++ = feature_tag::id;
  h = put(h, id_);
  if (!tags_.empty()) {
    *h++ = feature_tag::tags;
    h = put(h, tags_.size());
  }
  char* m = middle;
  *m++ = feature_tag::type;
  *m++ = static_cast<char>(shaper_.result().kind);
  *m++ = feature_tag::geometry;
  m = put(m, geometry_size_);
  const auto head_size = static_cast<std::size_t>(h - head),
             middle_size = static_cast<std::size_t>(m - middle);
  char start[1 + max_varint];
  start[0] = layer_tag::feature;
  char* const start_end = put(start + 1, head_size + tags_.size() + middle_size + geometry_size_);
  features_.append(start, start_end);
  features_.append(head, head_size);
  features_.append(tags_);
  features_.append(middle, middle_size);
  features_.append(geometry_, 0, geometry_size_);
  ++count_;
}

void mvt_layer::tag(std::size_t key, std::string_view value) {
  char head[1 + max_varint];
  head[0] = value_tag::text;
  const char* const end = put(head + 1, value.size());
  add(key, {head, end}, value);
}

void mvt_layer::tag(std::size_t key, std::int64_t value) {
  char head[1 + max_varint];
  head[0] = value < 0 ? value_tag::negative : value_tag::natural;
  // ZigZag: -1 is 1, -2 is 3.
  const auto number =
      value < 0 ? ~static_cast<std::uint64_t>(value) << 1 | 1 : static_cast<std::uint64_t>(value);
  const char* const end = put(head + 1, number);
  add(key, {head, end}, {});
}

void mvt_layer::tag(std::size_t key, double value) {
  if (!std::isfinite(value)) return;
  char head[1 + sizeof value];
  head[0] = value_tag::real;
  auto bits = std::bit_cast<std::uint64_t>(value);
  if constexpr (std::endian::native == std::endian::big) bits = __builtin_bswap64(bits);
  std::memcpy(head + 1, &bits, sizeof bits);
  add(key, {head, sizeof head}, {});
}

void mvt_layer::tag(std::size_t key, bool value) {
  const char head[] = {value_tag::truth, static_cast<char>(value)};
  add(key, {head, sizeof head}, {});
}

void mvt_layer::add(std::size_t key, std::string_view head, std::string_view tail) {
  key_state& k = keys_[key];
  if (k.index == 0) {
    append_bytes(key_list_, layer_tag::key, k.name);
    k.index = ++keys_used_;
  }
  const auto same = [&](std::uint32_t at, std::uint32_t size) {
    const char* const stored = values_.data() + at;
    return size == head.size() + tail.size() && std::string_view{stored, head.size()} == head &&
           std::string_view{stored + head.size(), tail.size()} == tail;
  };
  if (k.last == 0 || !same(k.last_at, k.last_size)) {
    if (2 * (values_used_ + 1) > slots_.size()) grow();
    const std::uint64_t long_hash = hash64(tail, hash64(head));
    const auto hash = static_cast<std::uint32_t>(long_hash ^ long_hash >> 32);
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].index != 0 && !(slots_[i].hash == hash && same(slots_[i].at, slots_[i].size)))
      i = (i + 1) & mask;
    slot& s = slots_[i];
    if (s.index == 0) {
      append_bytes(values_, layer_tag::value, head, tail);
      s.hash = hash;
      s.index = ++values_used_;
      s.size = static_cast<std::uint32_t>(head.size() + tail.size());
      s.at = static_cast<std::uint32_t>(values_.size()) - s.size;
    }
    k.last = s.index;
    k.last_at = s.at;
    k.last_size = s.size;
  }
  char pair[2 * max_varint];
  char* const end = put(put(pair, k.index - 1), k.last - 1);
  tags_.append(pair, end);
}

void mvt_layer::grow() {
  std::vector<slot> larger(std::max<std::size_t>(512, 2 * slots_.size()));
  for (const slot& s : slots_) {
    if (s.index == 0) continue;
    std::size_t i = s.hash & (larger.size() - 1);
    while (larger[i].index != 0)
      i = (i + 1) & (larger.size() - 1);
    larger[i] = s;
  }
  slots_.swap(larger);
}

std::size_t mvt_layer::body_size() const noexcept {
  return 2 + 1 + with_length(name_.size()) + features_.size() + key_list_.size() + values_.size() + 1 +
         varint_size(static_cast<std::uint64_t>(extent_));
}

std::size_t mvt_layer::bytes() const noexcept {
  return count_ == 0 ? 0 : 1 + with_length(body_size());
}

void mvt_layer::finish(std::string& out) const {
  if (count_ == 0) return;
  out.reserve(out.size() + bytes());
  char start[1 + max_varint];
  start[0] = tile_layer_tag;
  char* end = put(start + 1, body_size());
  out.append(start, end);
  out.push_back(layer_tag::version);
  out.push_back(static_cast<char>(specification_version));
  append_bytes(out, layer_tag::name, name_);
  out += features_;
  out += key_list_;
  out += values_;
  start[0] = layer_tag::extent;
  end = put(start + 1, static_cast<std::uint64_t>(extent_));
  out.append(start, end);
}

std::uint64_t feature_id(std::string_view text) noexcept {
  constexpr std::uint64_t limit = std::uint64_t{1} << 53;
  std::uint64_t number = 0;
  const bool plain =
      !text.empty() && text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || text.size() == 1);
  if (plain) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && number < limit) return number;
  }
  return hash64(text) & (limit - 1);
}

}  // namespace gridlight::geo
