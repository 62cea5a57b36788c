// Runs every shell example of README.md and of the pages under docs/ as it stands there, against a real
// server with a small demo grid. Where a JSON block follows, the answer must have that very shape. A block
// behind the comment "not run" is left out.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"

namespace {

namespace dom = simdjson::dom;
using gridlight::test::http_client;
using gridlight::test::server_process;
using gridlight::test::temp_db;

struct example {
  std::size_t line;
  std::string script, answer;
};

std::vector<example> examples_of(const std::string& path) {
  std::ifstream in{path};
  std::vector<example> out;
  std::string line, before, language, block;
  std::size_t number = 0, start = 0;
  bool open = false, skipped = false;
  while (std::getline(in, line)) {
    ++number;
    if (open && line == "```") {
      open = false;
      if (language == "sh") {
        skipped = before.find("<!-- not run") != std::string::npos;
        if (!skipped) out.push_back({start, block, ""});
      } else if (language == "json" && !skipped && !out.empty()) {
        out.back().answer = block;
      }
      before.clear();
    } else if (open) {
      block += line + '\n';
    } else if (line.starts_with("```")) {
      open = true;
      start = number;
      language = line.substr(3);
      block.clear();
    } else if (!line.empty()) {
      before = line;
    }
  }
  return out;
}

// Keys whose value the README promises, not only its type.
bool value_counts(std::string_view key) {
  return key == "type" || key == "title" || key == "parameter" || key == "detail" ||
         key == "numberReturned" || key == "truncated";
}

std::string_view kind(dom::element e) {
  if (e.is<double>()) return "number";
  if (e.is<bool>()) return "boolean";
  if (e.is<std::string_view>()) return "string";
  if (e.is<dom::array>()) return "array";
  if (e.is<dom::object>()) return "object";
  return "null";
}

// Where `actual` has not the shape of `promised`; arrays are compared by their first elements.
void differences(dom::element promised, dom::element actual, const std::string& path,
                 std::vector<std::string>& out) {
  if (kind(promised) != kind(actual)) {
    out.push_back(path + " is a " + std::string{kind(actual)} + ", not a " + std::string{kind(promised)});
  } else if (promised.is<dom::array>()) {
    const dom::array p = promised, a = actual;
    if (p.size() == 0) return;
    if (a.size() == 0)
      out.push_back(path + " is empty");
    else
      differences(p.at(0), a.at(0), path + "[0]", out);
  } else if (promised.is<dom::object>()) {
    const dom::object p = promised, a = actual;
    for (const auto [key, value] : p) {
      dom::element other;
      const std::string at = path + "." + std::string{key};
      if (a[key].get(other) != simdjson::SUCCESS)
        out.push_back(at + " is missing");
      else if (differences(value, other, at, out);
               value_counts(key) && simdjson::minify(value) != simdjson::minify(other))
        out.push_back(at + " is " + simdjson::minify(other) + ", not " + simdjson::minify(value));
    }
    for (const auto [key, value] : a)
      if (dom::element other; p[key].get(other) != simdjson::SUCCESS)
        out.push_back(path + "." + std::string{key} + " is not in the README");
  }
}

std::vector<std::string> differences(const std::string& promised, const std::string& actual) {
  dom::parser one, other;
  dom::element p, a;
  if (one.parse(promised).get(p) != simdjson::SUCCESS) return {"the README's JSON does not parse"};
  if (other.parse(actual).get(a) != simdjson::SUCCESS)
    return {"the answer is not JSON: " + actual.substr(0, 500)};
  std::vector<std::string> out;
  differences(p, a, "answer", out);
  return out;
}

// A folder with a database in which the examples run; `gridlight` is the binary under test.
class shell {
 public:
  shell(std::string database_url, const std::filesystem::path& source) : url_{std::move(database_url)} {
    std::string pattern = (std::filesystem::temp_directory_path() / "gridlight-readme-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    std::filesystem::create_symlink(std::getenv("GRIDLIGHT_BINARY"), folder_ / "gridlight");
    std::filesystem::copy_file(source / "gridlight.yaml", folder_ / "gridlight.yaml");
  }
  ~shell() { std::filesystem::remove_all(folder_); }
  shell(const shell&) = delete;
  shell& operator=(const shell&) = delete;

  struct outcome {
    int status;
    std::string output;
  };
  outcome run(const std::string& script) const {
    std::ofstream{folder_ / "script"} << "export GRIDLIGHT_DATABASE_URL=\"" << url_ << "\" PATH=\""
                                      << folder_.string() << ":$PATH\"\ncd \"" << folder_.string() << "\"\n"
                                      << script;
    std::FILE* pipe = ::popen(("sh -eu " + (folder_ / "script").string()).c_str(), "r");
    REQUIRE(pipe != nullptr);
    outcome result{0, ""};
    std::array<char, 4096> part;
    while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe))
      result.output.append(part.data(), n);
    result.status = ::pclose(pipe);
    return result;
  }

 private:
  std::string url_;
  std::filesystem::path folder_;
};

std::string with_address(std::string script, const std::string& address) {
  constexpr std::string_view written = "http://127.0.0.1:8080";
  for (std::size_t at = script.find(written); at != std::string::npos;
       at = script.find(written, at + address.size()))
    script.replace(at, written.size(), address);
  return script;
}

}  // namespace

TEST_CASE("the comparison of shapes can fail") {
  CHECK(differences(R"({"a":[1],"b":"x"})", R"({"a":[2.5,3],"b":"y"})").empty());
  CHECK(differences(R"({"a":1})", R"({"a":"1"})").size() == 1);
  CHECK(differences(R"({"a":1})", R"({})").size() == 1);
  CHECK(differences(R"({})", R"({"a":1})").size() == 1);
  CHECK(differences(R"([{"a":1}])", R"([])").size() == 1);
  CHECK(differences(R"({"type":"Feature"})", R"({"type":"Point"})").size() == 1);
  CHECK(differences(R"({})", "<html>").size() == 1);
}

TEST_CASE("the examples of README and pages answer as they say") {
  const std::filesystem::path source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  const temp_db database;
  REQUIRE(shell{database.uri(), source}
              .run("gridlight migrate && gridlight demo-data --scale 0.02 --seed 1")
              .status == 0);
  server_process server{database.uri()};
  http_client client{server.url()};
  for (int i = 0; i < 200 && client.get("/ready").status != 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{50});

  std::vector<std::filesystem::path> pages{source / "README.md"};
  for (const auto& entry : std::filesystem::directory_iterator{source / "docs"})
    // The commands of the others are for other places: ./dev package --try runs those of debian.md.
    if (const auto name = entry.path().filename();
        name.extension() == ".md" && name != "debian.md" && name != "container.md" && name != "snowflake.md")
      pages.push_back(entry.path());
  CHECK(pages.size() >= 5);
  std::size_t count = 0;
  for (const auto& page : pages) {
    const shell commands{database.uri(), source};
    CAPTURE(page.filename().string());
    for (const example& e : examples_of(page.string())) {
      ++count;
      CAPTURE(e.line);
      CAPTURE(e.script);
      const shell::outcome got = commands.run(with_address(e.script, server.url()));
      CHECK_MESSAGE(got.status == 0, got.output);
      if (e.answer.empty()) continue;
      for (const std::string& difference : differences(e.answer, got.output))
        FAIL_CHECK(difference);
    }
  }
  CHECK(count >= 15);
}

TEST_CASE("links between the pages lead somewhere") {
  const std::filesystem::path source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  static const std::regex link{R"(\]\(([^)#:]+\.(md|yml|yaml|json))(#[^)]*)?\))"};
  std::vector<std::filesystem::path> pages{source / "README.md", source / "CONTRIBUTING.md",
                                           source / "deploy/snowpark/README.md", source / "bench/README.md"};
  for (const auto& entry : std::filesystem::directory_iterator{source / "docs"})
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  int count = 0;
  for (const auto& page : pages) {
    std::ifstream in{page};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    for (std::sregex_iterator it{text.begin(), text.end(), link}, end; it != end; ++it, ++count)
      CHECK_MESSAGE(std::filesystem::exists(page.parent_path() / (*it)[1].str()),
                    page.filename().string() << " links to " << (*it)[1].str());
  }
  CHECK(count >= 10);
}
