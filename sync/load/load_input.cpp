#include "sync/load/load_input.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "sync/load/infer.hpp"

namespace gridlight::sync {
namespace {

namespace fs = std::filesystem;

result<std::vector<std::string>> files_of(const std::vector<std::string>& given) {
  std::vector<std::string> out;
  for (const std::string& path : given) {
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      out.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator{path, error})
      if (entry.is_regular_file(error) && kind_of_name(entry.path().filename().string()))
        found.push_back(entry.path().string());
    if (error) return failure{errc::input, path + ": " + error.message()};
    if (found.empty())
      return failure{errc::input, path + ": no .csv, .geojson, .geojsonl or .ndjson file is in it"};
    std::sort(found.begin(), found.end());
    out.insert(out.end(), found.begin(), found.end());
  }
  if (out.empty()) return failure{errc::input, "no file was given"};
  return out;
}

result<std::string> layer_of(const std::string& path, const load_options& options,
                             std::span<const layer_config> layers) {
  if (!options.layer.empty()) return options.layer;
  if (path == "-") return failure{errc::input, "standard input needs --layer"};
  const std::string base = base_name(path);
  if (options.create) return snake_case(base);
  std::string known;
  for (const layer_config& layer : layers) {
    if (layer.table == base) return layer.name;
    known += (known.empty() ? "" : ", ") + layer.name;
  }
  return failure{errc::input, path + ": no layer has a table \"" + base + "\"; --layer names one of " +
                                  known + ", --create makes a new one"};
}

}  // namespace

result<std::vector<load_job>> plan_jobs(const load_options& options, std::span<const layer_config> layers) {
  const auto files = files_of(options.files);
  if (!files) return files.error();
  std::vector<load_job> jobs;
  for (const std::string& path : *files) {
    const auto layer = layer_of(path, options, layers);
    if (!layer) return layer.error();
    auto job = std::find_if(jobs.begin(), jobs.end(), [&](const load_job& j) { return j.layer == *layer; });
    if (job == jobs.end()) job = jobs.insert(jobs.end(), load_job{*layer, {}, 0});
    job->files.push_back({path});
  }
  return jobs;
}

result<void> spool(load_file& file) {
  const char* folder = std::getenv("TMPDIR");
  std::string name = std::string{folder != nullptr ? folder : "/tmp"} + "/gridlight-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return failure{errc::input, "standard input cannot be kept: no temporary file in " + name};
  ::unlink(name.c_str());
  file.spooled = std::shared_ptr<int>{new int{fd}, [](const int* owned) {
                                        ::close(*owned);
                                        delete owned;
                                      }};
  std::vector<char> buffer(1024 * 1024);
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n == 0) return {};
    if (n < 0) return failure{errc::input, "standard input cannot be read"};
    for (ssize_t done = 0; done < n;) {
      const ssize_t written = ::write(fd, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (written <= 0) return failure{errc::input, "standard input cannot be kept: the disk is full"};
      done += written;
    }
  }
}

result<std::unique_ptr<row_source>> open_load_file(const load_file& file) {
  if (file.path == "-") {
    if (file.spooled) ::lseek(*file.spooled, 0, SEEK_SET);
    return open_rows(from_descriptor(file.spooled ? *file.spooled : STDIN_FILENO), std::nullopt);
  }
  auto bytes = open_file(file.path);
  if (!bytes) return bytes.error();
  return open_rows(std::move(*bytes), kind_of_name(file.path));
}

std::uint64_t size_of(const load_file& file) {
  if (file.path == "-") return 0;
  std::error_code error;
  const auto size = fs::file_size(file.path, error);
  return error ? 0 : size;
}

void line_map::add(std::size_t file, std::uint64_t line) {
  ++rows_;
  if (!runs_.empty()) {
    run& last = runs_.back();
    const auto n = static_cast<std::uint64_t>(rows_ - last.first);
    if (last.file == file && n == 1) {
      last.step = line - last.line;
      return;
    }
    if (last.file == file && line == last.line + n * last.step) return;
  }
  runs_.push_back({rows_, file, line, 0});
}

std::optional<line_map::place> line_map::find(std::int64_t ordinal) const {
  if (ordinal < 1 || ordinal > rows_) return std::nullopt;
  auto it = std::upper_bound(runs_.begin(), runs_.end(), ordinal,
                             [](std::int64_t n, const run& r) { return n < r.first; });
  --it;
  return place{it->file, it->line + static_cast<std::uint64_t>(ordinal - it->first) * it->step};
}

}  // namespace gridlight::sync
