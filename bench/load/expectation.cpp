#include "bench/load/expectation.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gridlight::bench {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::pair<std::string_view, shape>, 6> names{{{"any", shape::any},
                                                                   {"json", shape::json},
                                                                   {"array", shape::array},
                                                                   {"features", shape::features},
                                                                   {"columns", shape::columns},
                                                                   {"tile", shape::tile}}};

std::string features_fault(dom::element root) {
  dom::array features;
  std::uint64_t said = 0;
  if (root["features"].get(features) != simdjson::SUCCESS) return "body: no features";
  if (root["numberReturned"].get(said) != simdjson::SUCCESS) return "body: no numberReturned";
  std::uint64_t n = 0;
  for ([[maybe_unused]] const dom::element each : features)
    ++n;
  return n == said ? "" : "body: numberReturned is not the number of features";
}

std::string columns_fault(dom::element root) {
  std::uint64_t length = 0;
  dom::array ids;
  dom::object columns;
  if (root["length"].get(length) != simdjson::SUCCESS || root["ids"].get(ids) != simdjson::SUCCESS ||
      root["columns"].get(columns) != simdjson::SUCCESS)
    return "body: no length, ids or columns";
  bool right = ids.size() == length;
  for (const auto& [name, values] : columns) {
    dom::array list;
    right = right && values.get(list) == simdjson::SUCCESS && list.size() == length;
  }
  return right ? "" : "body: columns of different lengths";
}

// Protobuf's wire format, as far as a tile needs it (Mapbox Vector Tile 2.1: layers are field 3, a layer's
// name field 1, its version field 15).
struct wire {
  std::string_view rest;
  bool bad = false;

  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) break;
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return out;
    }
    bad = true;
    return 0;
  }
  std::string_view bytes(std::uint64_t n) {
    bad = bad || n > rest.size();
    if (bad) return {};
    const auto out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  // One field: its number and, when it is a block of bytes, those; else its number in `value`.
  std::uint64_t field(std::string_view& block, std::uint64_t& value) {
    const std::uint64_t key = varint();
    block = {};
    value = 0;
    switch (key & 7) {
      case 0:
        value = varint();
        break;
      case 1:
        bytes(8);
        break;
      case 2:
        block = bytes(varint());
        break;
      case 5:
        bytes(4);
        break;
      default:
        bad = true;
    }
    return key >> 3;
  }
};

std::string tile_fault(std::string_view body) {
  wire tile{body};
  while (!tile.rest.empty() && !tile.bad) {
    std::string_view block;
    std::uint64_t value = 0;
    if (tile.field(block, value) != 3) continue;
    wire layer{block};
    bool named = false, versioned = false;
    while (!layer.rest.empty() && !layer.bad) {
      std::string_view inner;
      const auto number = layer.field(inner, value);
      named = named || (number == 1 && !inner.empty());
      versioned = versioned || (number == 15 && (value == 1 || value == 2));
    }
    if (layer.bad || !named || !versioned) return "body: a layer that is none";
  }
  return tile.bad ? "body: no vector tile" : "";
}

}  // namespace

shape shape_named(std::string_view name) {
  for (const auto& [text, s] : names)
    if (text == name) return s;
  std::string all;
  for (const auto& [text, s] : names)
    all += (all.empty() ? "" : ", ") + std::string{text};
  throw usage_error{fmt::format("shape is {}; it must be one of {}", name, all)};
}

struct checker::impl {
  dom::parser json;
  std::string plain;

  // The body without its gzip coding; false when it cannot be taken off.
  bool unpack(std::string_view body) {
    constexpr std::size_t most = std::size_t{256} << 20;
    z_stream z{};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return false;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    z.avail_in = static_cast<uInt>(body.size());
    plain.resize(std::max<std::size_t>(plain.capacity(), 64 << 10));
    int status = Z_OK;
    while (status == Z_OK) {
      if (z.total_out == plain.size()) plain.resize(plain.size() * 2);
      z.next_out = reinterpret_cast<Bytef*>(plain.data() + z.total_out);
      z.avail_out = static_cast<uInt>(plain.size() - z.total_out);
      status = ::inflate(&z, Z_NO_FLUSH);
      if (plain.size() > most || (status == Z_OK && z.avail_in == 0 && z.avail_out != 0)) break;
    }
    plain.resize(z.total_out);
    ::inflateEnd(&z);
    return status == Z_STREAM_END;
  }

  std::string json_fault(std::string_view body, shape form) {
    dom::element root;
    if (json.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return "body: no JSON";
    switch (form) {
      case shape::array: {
        dom::array all;
        if (root.get(all) != simdjson::SUCCESS) return "body: no JSON array";
        return all.size() == 0 ? "body: an empty array" : "";
      }
      case shape::features:
        return features_fault(root);
      case shape::columns:
        return columns_fault(root);
      default:
        return {};
    }
  }
};

checker::checker() : impl_(std::make_unique<impl>()) {}
checker::~checker() = default;

std::string checker::fault(const answer& got, const expectation& want) {
  if (std::find(want.statuses.begin(), want.statuses.end(), got.status) == want.statuses.end())
    return fmt::format("status {}", got.status);
  if (got.status == 204 || got.status == 304) return got.body.empty() ? "" : "body: one where none belongs";
  if (!want.type.empty() && !got.type.starts_with(want.type)) return fmt::format("content type {}", got.type);
  if (got.body.size() < want.min_bytes) return fmt::format("body: under {} bytes", want.min_bytes);
  if (got.body.size() > want.max_bytes) return fmt::format("body: over {} bytes", want.max_bytes);
  if (want.form == shape::any) return {};
  std::string_view body = got.body;
  if (got.encoding == "gzip") {
    if (!impl_->unpack(body)) return "body: broken gzip";
    body = impl_->plain;
  } else if (!got.encoding.empty() && got.encoding != "identity") {
    return fmt::format("content encoding {}", got.encoding);
  }
  return want.form == shape::tile ? tile_fault(body) : impl_->json_fault(body, want.form);
}

}  // namespace gridlight::bench
