#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/compress.hpp"
#include "server/versions.hpp"

namespace gridlight::api {

/// Whole answers of routes that take no parameter, each of the versions it was made from: as long as these
/// are the layers' versions it is the answer. One object a thread.
class answer_cache {
 public:
  struct answer {
    std::vector<std::int64_t> versions;  ///< in the order of the route's layers
    std::uint64_t history = 0;           ///< version_store::history() before it was asked for
    std::uint64_t asked_by = 0;          ///< the statement: another one reads other tables
    std::shared_ptr<const std::string> body;
    std::shared_ptr<const std::string> packed;  ///< gzip; null: it would not be smaller
  };

  /// The answer, when `known` (null: nothing is) says that it is still right. \param route  a constant
  const answer* find(std::string_view route, std::uint64_t asked_by, const version_store* known,
                     std::initializer_list<std::string_view> layers) const;
  /// The last answer of this history, right or not; null: none.
  const answer* last(std::string_view route, std::uint64_t asked_by, const version_store* known) const;
  /// Keeps an answer in the place of the one before. \return what was kept
  const answer& keep(std::string_view route, std::uint64_t asked_by, std::vector<std::int64_t> versions,
                     std::uint64_t history, std::string body);

 private:
  http::gzip_packer packer_{6};
  std::map<std::string_view, answer> answers_;
};

}  // namespace gridlight::api
