// SPDX-License-Identifier: Apache-2.0
#include "lib/report/run_data.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/checkpoint/layout.h"
#include "lib/config/config.h"

namespace sy::report {
namespace fs = std::filesystem;
namespace {

// The beginnings of the lines that tell of a session's beginning or end.
constexpr std::array<std::string_view, 6> kEvents{"resumed from ",
                                                  "resuming with a changed configuration",
                                                  "stopped by ",
                                                  "the run restarts after ",
                                                  "weights initialised from ",
                                                  "nothing is left to do"};
constexpr std::string_view kMemory = "memory per rank: ", kBackend = "backend: ";

void read_config_of(RunData& run) {
  const std::string path = run.path + "/config.yaml";
  std::ifstream file(path);
  if (!file) {
    run.config_fault = "there is no config.yaml";
    return;
  }
  std::ostringstream text;
  text << file.rdbuf();
  try {
    run.config = parse_config(text.str(), path);
  } catch (const ConfigError& error) {
    run.config_fault = error.what();
    run.config_fault.resize(std::min(run.config_fault.size(), run.config_fault.find('\n')));
  }
}

// The manifest is the last file that is written before the folder gets its name.
std::string commit_time(const std::string& manifest) {
  struct stat status {};
  std::tm utc{};
  if (stat(manifest.c_str(), &status) != 0) return "";
  if (gmtime_r(&status.st_mtime, &utc) == nullptr) return "";
  char text[64];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
  return {text, length};
}

// A run may retire the folder meanwhile: what is gone counts nothing.
int64_t folder_bytes(const std::string& folder) {
  std::error_code error;
  int64_t bytes = 0;
  for (auto file = fs::directory_iterator(folder, error);
       !error && file != fs::directory_iterator(); file.increment(error)) {
    std::error_code gone;
    const auto size = file->file_size(gone);
    if (!gone) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

std::vector<SavedCheckpoint> find_checkpoints(const std::string& folder) {
  std::vector<SavedCheckpoint> found;
  for (const int64_t step : checkpoint::committed_steps(folder)) {
    const std::string path = folder + "/" + checkpoint::committed_name(step);
    found.push_back(
        {step, folder_bytes(path), commit_time(path + "/" + checkpoint::kManifestName)});
  }
  return found;
}

// "runs/small" and "runs/small/" alike: small.
std::string name_of_folder(const std::string& path) {
  std::error_code error;
  fs::path whole = fs::canonical(path, error);
  if (error) whole = fs::path(path).lexically_normal();
  return whole.has_filename() ? whole.filename().string() : path;
}

}  // namespace

RunLogText read_log(const std::string& path) {
  RunLogText log;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto begins = [&](std::string_view with) { return line.starts_with(with); };
    if (std::any_of(kEvents.begin(), kEvents.end(), begins)) log.events.push_back(line);
    if (begins(kMemory)) log.memory = line.substr(kMemory.size());
    if (begins(kBackend)) log.backend = line.substr(kBackend.size());
    const bool of_rank = begins("[rank ") && line.find("] warning: ") != std::string::npos;
    if (!begins("warning: ") && !of_rank) continue;
    if (++log.warning_count <= kWarnings) log.warnings.push_back(line);
  }
  return log;
}

RunData read_run(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    throw DataError(fmt::format("{} is not a folder; give that of a run, such as runs/NAME", path));
  }
  RunData run;
  run.path = path;
  run.name = name_of_folder(path);
  run.metrics = read_metrics(path + "/metrics.jsonl");
  run.log = read_log(path + "/log.txt");
  run.checkpoints = find_checkpoints(path + "/checkpoints");
  read_config_of(run);
  return run;
}

void distinguish(std::vector<RunData>& runs) {
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const RunData& run : runs) names.push_back(run.name);
  for (RunData& run : runs) {
    if (std::count(names.begin(), names.end(), run.name) > 1) run.name = run.path;
  }
}

}  // namespace sy::report
