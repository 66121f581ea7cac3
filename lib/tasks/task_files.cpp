// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task_files.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace sy {
namespace {

constexpr int64_t kLongestLine = 256 << 20;

}  // namespace

std::vector<std::string> task_files(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const std::string& pattern : patterns) {
    std::vector<std::string> matches = match_files(pattern);
    if (matches.empty()) {
      throw DataError(
          fmt::format("'{}' matches no file, seen from {}; correct the task's files, or run from "
                      "the folder that they start from",
                      pattern, std::filesystem::current_path().string()));
    }
    std::sort(matches.begin(), matches.end());
    for (std::string& file : matches) {
      const bool seen = std::find(files.begin(), files.end(), file) != files.end();
      if (!seen) files.push_back(std::move(file));
    }
  }
  return files;
}

void fail_file(const std::string& file, std::string_view fault) {
  throw DataError(fmt::format("the file {} {}; fetch it again, or name another one", file, fault));
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

bool TextLines::next(std::string_view& line) {
  while (true) {
    if (lines_ == nullptr && !open_next()) return false;
    if (read(line)) break;
    if (blank_so_far_) fail_file(place_.file, "is empty");
    lines_.reset();
  }
  if (begins_file() && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  check(line);
  blank_so_far_ = blank_so_far_ && is_blank(line);
  return true;
}

bool TextLines::open_next() {
  if (opened_ == files_.size()) return false;
  place_ = {files_[opened_++], 0};
  blank_so_far_ = true;
  try {
    lines_ = std::make_unique<LineReader>(open_shard(place_.file), kLongestLine, nullptr);
  } catch (const ShardFault& fault) {
    fail_file(place_.file, fault.what());
  }
  return true;
}

bool TextLines::read(std::string_view& line) {
  try {
    const LineReader::Result result = lines_->next(line);
    if (result == LineReader::Result::end) return false;
    ++place_.line;
    if (result == LineReader::Result::line) return true;
  } catch (const ShardFault& fault) {
    fail_file(place_.file, fault.what());
  }
  fail_at(place_, "the line is longer than 256 MiB; split it, or correct its line ends");
}

void TextLines::check(std::string_view line) {
  if (simdjson::validate_utf8(line.data(), line.size())) return;
  fail_at(place_, "the line is not valid UTF-8; convert the file to UTF-8");
}

}  // namespace sy
