// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/starts.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "lib/base/json.h"

namespace sy::flight {
namespace {

namespace fs = std::filesystem;

// A start's first line in the ledger (lib/train/log/run_ledger.h) says where it resumed. The others
// are many. Lines that are torn are passed over.
std::vector<Start> starts_in_ledger(const std::string& path) {
  std::vector<Start> starts;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    if (text.find("\"resumed\"") == std::string::npos) continue;
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    const auto name = line.find("start");
    if (name != line.end() && name->is_string()) starts.push_back({*name, ""});
  }
  return starts;
}

void add_folder(std::vector<Start>& starts, const fs::path& folder) {
  const std::string name = folder.filename().string();
  auto known = std::find_if(starts.begin(), starts.end(),
                            [&](const Start& start) { return start.name == name; });
  if (known == starts.end()) {
    const auto before = std::find_if(starts.rbegin(), starts.rend(),
                                     [&](const Start& start) { return start.name < name; });
    known = starts.insert(before.base(), {name, ""});
  }
  known->folder = folder.string();
}

}  // namespace

std::string flight_folder(const std::string& run) {
  return run + "/flight";
}

std::vector<Start> starts_of(const std::string& run) {
  std::vector<Start> starts = starts_in_ledger(run + "/ledger.jsonl");
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(flight_folder(run), error)) {
    if (entry.is_directory(error)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  for (const fs::path& folder : folders) add_folder(starts, folder);
  return starts;
}

std::string text_of(const Start& start) {
  std::time_t seconds = 0;
  const char* end = start.name.data() + start.name.size();
  const auto read = std::from_chars(start.name.data(), end, seconds);
  const bool is_time = read.ec == std::errc() && read.ptr != end && *read.ptr == '-';
  std::tm local = {};
  if (!is_time || localtime_r(&seconds, &local) == nullptr) return "start " + start.name;
  return fmt::format("start {} of {:%Y-%m-%d %H:%M:%S}", start.name, local);
}

std::string text_of_later(const std::vector<Start>& later) {
  if (later.empty()) return "";
  const Start& last = later.back();
  const std::string which = later.size() == 1
                                ? text_of(last) + " came later"
                                : fmt::format("{} starts came later, and {}, the last of them,",
                                              later.size(), text_of(last));
  const std::string joined = later.size() == 1 ? " and" : "";
  if (last.folder.empty()) return which + joined + " ended as it should";
  return fmt::format(
      "{}{} has left no record in {} that can be read: it is still going, or all of its processes "
      "were killed at once",
      which, joined, last.folder);
}

}  // namespace sy::flight
