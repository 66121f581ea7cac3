// SPDX-License-Identifier: Apache-2.0
// Text as HTML. Everything that a run's files, names or paths say passes through escaped().
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace sy::report {

template <class... Args>
void append(std::string& html, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(html), format, std::forward<Args>(args)...);
}

// The text for an element or a quoted attribute. What HTML cannot hold, invalid UTF-8 and control
// characters other than tab and newline, becomes U+FFFD.
std::string escaped(std::string_view text);

// Cells are plain text; the first of a row is its heading.
struct Table {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

// In a box that scrolls sideways where it is wider than the page.
std::string table_html(const Table& table);

// The table behind a summary that opens it.
std::string folded_table_html(const Table& table);

}  // namespace sy::report
