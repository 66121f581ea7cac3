// SPDX-License-Identifier: Apache-2.0
// Rows of files of tab-separated values as GLUE has them: columns named by the first line, and
// quotes that mean nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tasks/task_files.h"

namespace sy {

class TsvRows {
 public:
  // A file whose first line has no column `marker` has no header: its columns are `headerless`, or
  // the file is refused if that is empty.
  TsvRows(std::vector<std::string> files, std::string marker, std::vector<std::string> headerless)
      : lines_(std::move(files)), marker_(std::move(marker)), headerless_(std::move(headerless)) {}

  // Goes to the next row that is not blank. False at the end. Throws DataError.
  bool next();

  bool has_column(std::string_view name) const { return column(name).has_value(); }
  // Nothing if the row has fewer cells, or the file no such column.
  std::optional<std::string_view> cell(std::string_view name) const;
  // Throws DataError that says which columns the file has.
  [[noreturn]] void fail_column(std::string_view name) const;

  const RecordPlace& place() const { return lines_.place(); }

 private:
  bool read_header(std::string_view line);
  std::optional<size_t> column(std::string_view name) const;

  TextLines lines_;
  std::string marker_;
  std::vector<std::string> headerless_, header_;
  std::vector<std::string_view> cells_;
};

}  // namespace sy
