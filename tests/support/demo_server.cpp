#include "tests/support/demo_server.hpp"

#include <simdjson.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"

namespace gridlight::test {

demo_server::demo_server(std::vector<std::string> arguments, std::vector<std::string> allowed,
                         const std::string& sql) {
  for (const char* command : {" migrate", " demo-data --scale 0.002 --seed 7"})
    if (const auto done = run_gridlight("--database-url '" + db_.uri() + "'" + command + " 2>&1");
        done.status != 0)
      throw std::runtime_error{std::string{"gridlight"} + command + ": " + done.output};
  if (!sql.empty()) db_.run(sql);
  server_ = std::make_unique<server_process>(
      server_process::options{.environment = {{"GRIDLIGHT_DATABASE_URL", db_.uri()}},
                              .arguments = std::move(arguments),
                              .allowed = std::move(allowed)});
  http_client client{url()};
  for (int i = 0; client.get("/ready").status != 200; ++i) {
    if (i == 200) throw std::runtime_error{"the server is not ready; its log:\n" + server_->log()};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

std::vector<std::string> demo_server::layers() const {
  const auto reply = http_client{url()}.get("/api/postgres/layers");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array all;
  if (parser.parse(reply.body).get(root) != simdjson::SUCCESS || root["layers"].get(all) != simdjson::SUCCESS)
    throw std::runtime_error{"no layers: " + reply.body};
  std::vector<std::string> out;
  for (const auto each : all)
    out.emplace_back(each["name"].get_string().value());
  return out;
}

double demo_server::resident_kb() const {
  std::ifstream status{"/proc/" + std::to_string(server_->pid()) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6));
  return 0;
}

}  // namespace gridlight::test
