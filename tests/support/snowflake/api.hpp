#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/snowflake/account.hpp"
#include "tests/support/snowflake/authority.hpp"
#include "tests/support/snowflake/faults.hpp"
#include "tests/support/snowflake/tls_listener.hpp"

namespace gridlight::test::snowflake {

/// Snowflake's SQL API over an account, with what is to go wrong. For all threads.
class api {
 public:
  api(account& statements, authority& doors, fault_plan& faults)
      : account_(statements), authority_(doors), faults_(faults) {}

  http_answer answer(const http_question& q);

  /// The requests so far, without those to the emulator's own endpoint; of very many the last.
  std::vector<http_question> seen() const;
  void forget_seen();

 private:
  struct target {
    route which;
    std::string handle;
    int partition = -1;
  };
  void note(const http_question& q);
  target find_route(const http_question& q) const;
  void check_headers(const http_question& q, const settings& how) const;
  http_answer act(const http_question& q, const target& t, const std::optional<fault>& f);
  http_answer submit(const http_question& q);
  http_answer show(statement& s, const statement::outcome* outcome, route on);
  http_answer rows_of(statement& s, int partition, const std::optional<fault>& f) const;

  account& account_;
  authority& authority_;
  fault_plan& faults_;
  mutable std::mutex mutex_;
  std::deque<http_question> seen_;
};

/// The emulator's own endpoint: POST /emulator/faults, DELETE /emulator/faults, POST /emulator/seed?value=,
/// POST /emulator/settings, POST /emulator/expire, GET /emulator/counts.
http_answer control(const http_question& q, account& statements, fault_plan& faults);

http_answer json_answer(int status, std::string body);

}  // namespace gridlight::test::snowflake
