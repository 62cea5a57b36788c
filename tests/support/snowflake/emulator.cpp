#include "tests/support/snowflake/emulator.hpp"

#include <stdexcept>

#include "tests/support/certificate.hpp"
#include "tests/support/command.hpp"

namespace gridlight::test::snowflake {
namespace {

std::string output_of(const std::string& command) {
  const auto done = run_command(command);
  if (done.status != 0) throw std::runtime_error{"failed: " + command + ": " + done.output};
  return done.output;
}

client_files make_files(const std::filesystem::path& folder) {
  client_files out{folder / "emulator_ca.pem", folder / "sync_key.p8"};
  make_certificate(out.certificate, folder / "emulator_key.pem", "snowflake-emulator");
  output_of("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -quiet -out '" + out.key.string() +
            "' 2>&1");
  std::filesystem::permissions(out.key,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return out;
}

}  // namespace

emulator::emulator(settings how, const std::filesystem::path& folder, std::uint16_t port)
    : files_(make_files(folder)),
      account_(std::move(how)),
      api_(account_, authority_, faults_),
      listener_(files_.certificate.string(), (folder / "emulator_key.pem").string(), port,
                [this](const http_question& q) { return api_.answer(q); }) {
  authority_.add_key(output_of("openssl pkey -pubout -in '" + files_.key.string() + "'"));
}

emulator::~emulator() {
  faults_.end();
  account_.cancel_all();
}

void emulator::create_schema(const std::string& owner, const std::string& name) {
  database db{account_.how().database};
  db.run("SELECT snowflake.create_schema(" + db.literal(owner) + ", " + db.literal(name) + ")");
}

std::shared_ptr<const result_set> emulator::run(std::string sql, place where) {
  work what;
  what.sql = std::move(sql);
  what.where = std::move(where);
  const auto s = account_.submit(std::move(what), "", false);
  for (;;) {
    const auto outcome = s->wait(std::chrono::seconds{10});
    if (!outcome) continue;
    if (outcome->failure) throw sql_failure{*outcome->failure};
    return outcome->rows;
  }
}

}  // namespace gridlight::test::snowflake
