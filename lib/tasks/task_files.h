// SPDX-License-Identifier: Apache-2.0
// The files of a task, and their lines.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/text/line_reader.h"
#include "lib/tasks/record_place.h"

namespace sy {

// The files and folders that the patterns match (match_files), each once: in the order of the
// patterns, and of the names within one. Throws DataError naming a pattern that matches nothing.
std::vector<std::string> task_files(const std::vector<std::string>& patterns);

// Throws DataError "the file NAME ...", such as "cannot be opened", with a remedy.
[[noreturn]] void fail_file(const std::string& file, std::string_view fault);

// The lines of files, one file after another.
class TextLines {
 public:
  explicit TextLines(std::vector<std::string> files) : files_(std::move(files)) {}

  // Sets `line` to the next one, without its end (\n or \r\n) and a file's byte order mark, valid
  // until the next call. False at the end of the last file. Throws DataError for a file that
  // cannot be read or has nothing but blank lines, and for a line that is not UTF-8.
  bool next(std::string_view& line);

  const RecordPlace& place() const { return place_; }  // of the last line
  bool begins_file() const { return place_.line == 1; }

 private:
  bool open_next();
  bool read(std::string_view& line);
  void check(std::string_view line);

  std::vector<std::string> files_;
  size_t opened_ = 0;
  RecordPlace place_;
  std::unique_ptr<LineReader> lines_;  // of the file at place_
  bool blank_so_far_ = true;
};

bool is_blank(std::string_view line);

}  // namespace sy
