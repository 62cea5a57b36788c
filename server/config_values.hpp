#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::config_detail {

/// Values as people write them. Each reads the whole text or fails.
std::optional<std::int64_t> read_integer(std::string_view text);                ///< decimal
std::optional<double> read_number(std::string_view text);                       ///< decimal, finite
std::optional<bool> read_boolean(std::string_view text);                        ///< true or false
std::optional<std::chrono::milliseconds> read_duration(std::string_view text);  ///< 500ms, 10s, 5m, 1h; 0
std::optional<std::size_t> read_size(std::string_view text);  ///< bytes: 4096, 16KB, 1MB, 1GB (1024)
std::string show(std::chrono::milliseconds d);                ///< as read_duration reads it
std::string show_size(std::size_t bytes);

bool is_address(std::string_view text);    ///< an IPv4 or IPv6 address
bool is_network(std::string_view text);    ///< an address, or one with a prefix length
bool is_origin(std::string_view text);     ///< scheme://host[:port], or *
bool is_base_path(std::string_view text);  ///< empty, or /a/b of unreserved characters without a last slash
bool is_connection_string(std::string_view text);  ///< what libpq's parser takes; empty too
bool is_path(std::string_view text);           ///< empty, or without control characters, at most 4096 bytes
bool is_header_name(std::string_view text);    ///< empty, or a token of RFC 9110
bool is_scope(std::string_view text);          ///< read, write or personal
bool is_guarded_route(std::string_view text);  ///< /health or /metrics
bool is_layer_name(std::string_view text);     ///< [a-z][a-z0-9_]*, at most 60
bool is_identifier(std::string_view text);     ///< 1…63 bytes, no control characters

std::string_view trim(std::string_view text);
std::vector<std::string> split_list(
    std::string_view text);  ///< at commas, trimmed; empty text is an empty list

/// `text` for a message: control characters escaped, cut after 80 bytes.
std::string shown(std::string_view text);

/// Those of `known` that `wrong` was probably meant to be, nearest first, at most three.
std::vector<std::string> nearest(std::string_view wrong, std::span<const std::string> known);

}  // namespace gridlight::config_detail
