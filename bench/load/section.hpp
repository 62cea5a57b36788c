#pragma once

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/target.hpp"

namespace gridlight::bench {

/// A scenario file is wrong at a line that the text names.
struct refused_section : usage_error {
  using usage_error::usage_error;
};

/// One mapping of a scenario file: every key must be known, every value in its range. What is not throws
/// refused_section.
class section {
 public:
  section(const YAML::Node& node, std::string where, const std::string& file)
      : node_(node), where_(std::move(where)), file_(file) {}

  [[noreturn]] void refuse(const std::string& why, const YAML::Node& at) const {
    const auto mark = at.Mark();
    throw refused_section{fmt::format("{}:{}: {}", file_, mark.is_null() ? 1 : mark.line + 1, why)};
  }
  [[noreturn]] void refuse(const std::string& why) const { refuse(why, node_); }

  void allow(const std::vector<std::string_view>& keys) const {
    if (!node_.IsMap()) refuse(fmt::format("{} must be a mapping", shown("this")));
    for (const auto& each : node_) {
      const auto key = each.first.as<std::string>("");
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      std::string all;
      for (const auto k : keys)
        all += (all.empty() ? "" : ", ") + std::string{k};
      refuse(fmt::format("{} is not known here; known: {}", shown(key), all), each.first);
    }
  }
  bool has(const char* key) const { return node_[key].IsDefined(); }
  const YAML::Node& node() const { return node_; }
  YAML::Node at(const char* key) const { return node_[key]; }
  section sub(const char* key) const { return {node_[key], shown(key), file_}; }
  section element(const YAML::Node& each, const char* key, std::size_t i) const {
    return {each, fmt::format("{}[{}]", shown(key), i), file_};
  }
  std::vector<section> list(const char* key) const {
    std::vector<section> out;
    if (!has(key)) return out;
    if (!node_[key].IsSequence()) refuse(fmt::format("{} must be a list", shown(key)), node_[key]);
    for (const auto& each : node_[key])
      out.push_back(element(each, key, out.size()));
    return out;
  }

  std::string text(const char* key, const std::string& otherwise = {}) const {
    if (!has(key)) return otherwise;
    if (!node_[key].IsScalar()) refuse(fmt::format("{} must be a text", shown(key)), node_[key]);
    return node_[key].Scalar();
  }
  double number(const char* key, double otherwise, double least, double most) const {
    if (!has(key)) return otherwise;
    double out = 0;
    if (!YAML::convert<double>::decode(node_[key], out) || !(out >= least && out <= most))
      refuse(fmt::format("{} is {}; it must be a number from {} to {}", shown(key),
                         node_[key].IsScalar() ? node_[key].Scalar() : "no number", least, most),
             node_[key]);
    return out;
  }
  template <class Int>
  Int whole(const char* key, Int otherwise, double least, double most) const {
    const double out = number(key, static_cast<double>(otherwise), least, most);
    if (out != std::floor(out)) refuse(fmt::format("{} must be a whole number", shown(key)), node_[key]);
    return static_cast<Int>(out);
  }
  double seconds(const char* key, double otherwise, double most = 3600) const {
    if (!has(key)) return otherwise;
    try {
      const double out = parse_seconds(text(key), shown(key));
      if (out > most) refuse(fmt::format("{} must be {} s at most", shown(key), most), node_[key]);
      return out;
    } catch (const refused_section&) {
      throw;
    } catch (const usage_error& e) {
      refuse(e.what(), node_[key]);
    }
  }
  bool flag(const char* key) const {
    bool out = false;
    if (has(key) && !YAML::convert<bool>::decode(node_[key], out))
      refuse(fmt::format("{} must be true or false", shown(key)), node_[key]);
    return out;
  }
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> out;
    for (const section& each : list(key)) {
      if (!each.node_.IsScalar()) each.refuse(each.where_ + " must be a text");
      out.push_back(each.node_.Scalar());
    }
    return out;
  }
  std::string shown(const std::string& key) const { return where_.empty() ? key : where_ + "." + key; }

 private:
  YAML::Node node_;
  std::string where_;
  const std::string& file_;
};

}  // namespace gridlight::bench
