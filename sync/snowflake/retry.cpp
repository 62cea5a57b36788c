#include "sync/snowflake/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "sync/load/values.hpp"

namespace gridlight::sync::snowflake {
namespace {

constexpr std::string_view success = "090001", lock_waiters = "000625";
constexpr std::size_t longest_message = 2000;

// What helps, where Snowflake's own words do not say it.
struct hint {
  std::string_view code, text;
  errc as;
};
constexpr std::array hints{
    hint{"390144",
         "is the public key set for this user, and are account (without region), login name and the clock "
         "right?",
         errc::unauthorized},
    hint{"390100", "user or credentials are wrong", errc::unauthorized},
    hint{"390303", "the token is not valid, or the role or its grants have changed", errc::unauthorized},
    hint{"390318", "the token has expired", errc::unauthorized},
    hint{"390432", "an access token wants a network policy for its user", errc::unauthorized},
    hint{"391918", "names of databases are case-sensitive here, mostly upper case", errc::schema_mismatch},
    hint{"391920", "names of warehouses are case-sensitive here, mostly upper case", errc::schema_mismatch},
    hint{"000606", "no warehouse is set, or the role may not use it", errc::input},
    hint{"002003", "it is not there, or the role may not see it", errc::schema_mismatch},
    hint{"000904", "", errc::schema_mismatch},
    hint{"000707", "the time asked for is beyond the table's retention", errc::not_found},
    hint{"000709", "the result has expired, or was never there", errc::not_found},
    hint{"000604", "the statement was cancelled", errc::conflict},
    hint{"000630", "the statement took longer than its time limit", errc::deadline},
    hint{"000625", "too many wait for a lock of the table", errc::database_unavailable},
    hint{"391908", "the result was cut off", errc::internal},
};

const hint* find_hint(std::string_view code) {
  const auto at = std::find_if(hints.begin(), hints.end(), [&](const hint& h) { return h.code == code; });
  return at == hints.end() ? nullptr : &*at;
}

errc kind_of(unsigned status) {
  switch (status) {
    case 401:
      return errc::unauthorized;
    case 403:
      return errc::forbidden;
    case 400:
    case 422:
      return errc::input;
    case 404:
    case 405:
    case 415:
      return errc::internal;
    case 408:
      return errc::deadline;
    case 429:
      return errc::database_unavailable;
    default:
      return status >= 500 ? errc::database_unavailable : errc::internal;
  }
}

std::string_view meaning(unsigned status) {
  switch (status) {
    case 401:
      return "the credentials were refused";
    case 403:
      return "the SQL API is not allowed to this user or from this address";
    case 404:
      return "there is no SQL API at this host";
    case 408:
      return "the statement took longer than its time limit and was cancelled";
    case 429:
      return "too many requests, or too many statements at once";
    default:
      return status >= 500 ? "Snowflake is unavailable" : "Snowflake refused the request";
  }
}

// Words of the server in one line, whatever it sent.
std::string shortened(std::string_view text) {
  std::string out{text.substr(0, longest_message)};
  if (out.size() < text.size())
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80)
      out.pop_back();
  if (out.size() < text.size() && !out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0)
    out.pop_back();
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return out;
}

}  // namespace

verdict judge(call what, unsigned status, std::string_view code) noexcept {
  switch (status) {
    case 200:
      // Of partitions only the data comes; a code stands there when something is wrong.
      if (what == call::cancel) return verdict::done;
      if (what == call::partition) return code.empty() || code == success ? verdict::done : verdict::fail;
      return code == success ? verdict::done : verdict::fail;
    case 202:
      return what == call::submit || what == call::status ? verdict::running : verdict::fail;
    case 401:
      return verdict::renew_token;
    case 422:
      return code == lock_waiters && (what == call::submit || what == call::status) ? verdict::submit_anew
                                                                                    : verdict::fail;
    case 429:
      return what == call::status ? verdict::running : verdict::back_off;
    default:
      return status >= 500 && status <= 599 ? verdict::repeat : verdict::fail;
  }
}

failure refused(unsigned status, const answer& said) {
  const hint* known = find_hint(said.code);
  failure out{known != nullptr ? known->as : kind_of(status), {}};
  std::string text = shortened(said.message);
  if (text.empty()) text = meaning(status);
  if (known != nullptr && !known->text.empty()) text += fmt::format(" ({})", known->text);
  out.detail = "Snowflake: " + text;
  out.log_detail = fmt::format("{}{}{} HTTP {}", said.code.empty() ? "-" : shortened(said.code),
                               said.sql_state.empty() ? "" : "/", shortened(said.sql_state), status);
  if (!said.handle.empty()) out.log_detail += fmt::format(", statement {}", shortened(said.handle));
  return out;
}

bool is_code(const failure& f, std::string_view code) {
  if (code.empty() || !std::string_view{f.log_detail}.starts_with(code)) return false;
  const char next = f.log_detail.size() > code.size() ? f.log_detail[code.size()] : ' ';
  return next == ' ' || next == '/';
}

std::optional<std::chrono::milliseconds> backoff::next(std::optional<std::chrono::seconds> retry_after) {
  using std::chrono::milliseconds;
  step_ = step_.count() == 0 ? options_.first : std::min(step_ * 2, options_.longest);
  const double share = 0.5 + random_() / 2;
  milliseconds pause{static_cast<std::int64_t>(static_cast<double>(step_.count()) * share)};
  // Those who were told the same time should not come back at the same time.
  if (retry_after) pause += *retry_after;
  if (spent_ + pause > options_.budget) return std::nullopt;
  spent_ += pause;
  return pause;
}

std::chrono::milliseconds pacing::next() {
  using std::chrono::milliseconds;
  const double share = 0.8 + random_() * 0.4;
  const milliseconds pause{static_cast<std::int64_t>(static_cast<double>(step_.count()) * share)};
  step_ = std::min(step_ * 3 / 2, longest_);
  return pause;
}

std::optional<std::chrono::seconds> read_retry_after(std::string_view value) {
  value = trim(value);
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return std::chrono::seconds{std::min(seconds, 86'400U)};
}

}  // namespace gridlight::sync::snowflake
