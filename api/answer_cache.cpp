#include "api/answer_cache.hpp"

#include <algorithm>

namespace gridlight::api {

const answer_cache::answer* answer_cache::find(std::string_view route, std::uint64_t asked_by,
                                               const version_store* known,
                                               std::initializer_list<std::string_view> layers) const {
  const auto kept = answers_.find(route);
  if (known == nullptr || kept == answers_.end()) return nullptr;
  const auto fresh = known->fresh();
  const answer& out = kept->second;
  if (!fresh || known->history() != out.history || out.asked_by != asked_by) return nullptr;
  const bool right = std::equal(layers.begin(), layers.end(), out.versions.begin(), out.versions.end(),
                                [&](std::string_view layer, std::int64_t version) {
                                  const auto now = fresh->find(layer);
                                  return now != fresh->end() && now->second == version;
                                });
  return right ? &out : nullptr;
}

const answer_cache::answer* answer_cache::last(std::string_view route, std::uint64_t asked_by,
                                               const version_store* known) const {
  const auto at = answers_.find(route);
  if (known == nullptr || at == answers_.end()) return nullptr;
  const answer& out = at->second;
  return out.history == known->history() && out.asked_by == asked_by ? &out : nullptr;
}

const answer_cache::answer& answer_cache::keep(std::string_view route, std::uint64_t asked_by,
                                               std::vector<std::int64_t> versions, std::uint64_t history,
                                               std::string body) {
  answer& out = answers_[route];
  std::string packed;
  out.packed = packer_.pack(body, packed) ? std::make_shared<const std::string>(std::move(packed)) : nullptr;
  out.body = std::make_shared<const std::string>(std::move(body));
  out.versions = std::move(versions);
  out.history = history;
  out.asked_by = asked_by;
  return out;
}

}  // namespace gridlight::api
