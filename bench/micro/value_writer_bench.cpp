#include "api/value_writer.hpp"

#include <random>

#include "bench/micro/tally.hpp"
#include "server/postgres/result.hpp"
#include "tests/api/hand_made_result.hpp"

// One value of each type that columns have, as the writers of rows call for it.
namespace {

using namespace gridlight;
namespace oid = postgres::oid;
using random_engine = std::mt19937_64;
using test::big_endian;
using test::binary;

std::vector<std::string> values(std::string (*make)(random_engine&)) {
  random_engine random{1};
  std::vector<std::string> out;
  for (int i = 0; i < 256; ++i)
    out.push_back(make(random));
  return out;
}

void json_value(benchmark::State& state, Oid type, std::string (*make)(random_engine&)) {
  const auto all = values(make);
  const api::value_form form = api::form_of(type);
  std::string room;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = bench::write_into(room, [&](geo::text_sink& out) {
      for (const std::string& value : all) {
        if (form.write != nullptr)
          api::append_json_value(out, form, value);
        else
          api::append_unsized_value(out, type, value);
      }
    });
  }
  bench::tally(state, "value", all.size(), bytes);
}

std::string tenths(random_engine& random) {
  return binary(std::uniform_int_distribution{0, 1000}(random) / 10.0);
}
std::string noisy_double(random_engine& random) {
  return binary(std::uniform_real_distribution{0.0, 100.0}(random));
}
std::string year(random_engine& random) {
  return big_endian(std::uniform_int_distribution<std::uint64_t>{1972, 2025}(random), 4);
}
std::string moment(random_engine& random) {
  return big_endian(std::uniform_int_distribution<std::uint64_t>{0, 830'000'000}(random)*1'000'000, 8);
}
std::string exact_moment(random_engine& random) {
  return big_endian(std::uniform_int_distribution<std::uint64_t>{0, 830'000'000'000'000}(random), 8);
}
std::string day(random_engine& random) {
  return big_endian(std::uniform_int_distribution<std::uint64_t>{0, 9600}(random), 4);
}
std::string uuid(random_engine& random) {
  return big_endian(random(), 8) + big_endian(random(), 8);
}
// 123456.78: two groups before the point, one behind it.
std::string amount(random_engine& random) {
  std::uniform_int_distribution<std::uint64_t> group{1, 99};
  return big_endian(3, 2) + big_endian(1, 2) + big_endian(0, 2) + big_endian(2, 2) +
         big_endian(group(random), 2) + big_endian(group(random) * 101, 2) +
         big_endian(group(random) * 100, 2);
}
std::string id(random_engine& random) {
  return "XF-00" + std::to_string(std::uniform_int_distribution{10'000, 99'999}(random));
}
std::string sentence(random_engine& random) {
  return "Replace bushing at " + id(random) + ", access through the yard of number " +
         std::to_string(std::uniform_int_distribution{1, 999}(random));
}
std::string quoted(random_engine& random) {
  return "so-called \"" + id(random) + "\"\nsecond line";
}
std::string umlauts(random_engine& random) {
  return "Umspannwerk Zürich-Süd " + id(random);
}

BENCHMARK_CAPTURE(json_value, int4, oid::int4, year);
BENCHMARK_CAPTURE(json_value, float8_tenths, oid::float8, tenths);
BENCHMARK_CAPTURE(json_value, float8_17_digits, oid::float8, noisy_double);
BENCHMARK_CAPTURE(json_value, numeric, oid::numeric, amount);
BENCHMARK_CAPTURE(json_value, date, oid::date, day);
BENCHMARK_CAPTURE(json_value, timestamptz, oid::timestamptz, moment);
BENCHMARK_CAPTURE(json_value, timestamptz_microseconds, oid::timestamptz, exact_moment);
BENCHMARK_CAPTURE(json_value, uuid, oid::uuid, uuid);
BENCHMARK_CAPTURE(json_value, text_id, oid::text, id);
BENCHMARK_CAPTURE(json_value, text_sentence, oid::text, sentence);
BENCHMARK_CAPTURE(json_value, text_escaped, oid::text, quoted);
BENCHMARK_CAPTURE(json_value, text_utf8, oid::text, umlauts);

}  // namespace
