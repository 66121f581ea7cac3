// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/tsv_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lib/tasks/text_rules.h"

namespace sy {

bool TsvRows::next() {
  std::string_view line;
  do {
    if (!lines_.next(line)) return false;
  } while (is_blank(line) || (lines_.begins_file() && read_header(line)));
  cells_ = split(line, '\t');
  return true;
}

// Whether the first line is a header.
bool TsvRows::read_header(std::string_view line) {
  header_.clear();
  for (const std::string_view name : split(line, '\t')) header_.emplace_back(name);
  if (has_column(marker_)) return true;
  if (headerless_.empty()) fail_column(marker_);
  header_ = headerless_;
  return false;
}

std::optional<size_t> TsvRows::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return std::nullopt;
  return static_cast<size_t>(found - header_.begin());
}

std::optional<std::string_view> TsvRows::cell(std::string_view name) const {
  const std::optional<size_t> number = column(name);
  if (!number || *number >= cells_.size()) return std::nullopt;
  return cells_[*number];
}

void TsvRows::fail_column(std::string_view name) const {
  fail_at(place(), fmt::format("the file has no column '{}' but '{}'; give it a header, or correct "
                               "the task's form",
                               name, fmt::join(header_, "', '")));
}

}  // namespace sy
