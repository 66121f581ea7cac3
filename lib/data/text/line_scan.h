// SPDX-License-Identifier: Apache-2.0
// Reads a line that simdjson refuses, as Python's json module does: numbers of any size, NaN and
// Infinity, and halves of surrogate pairs are accepted. About ten times slower than simdjson; also
// tells why a line cannot be used.
#pragma once

#include <string>
#include <string_view>

namespace sy {

struct ScannedLine {
  bool is_json = false;   // one JSON value and nothing else
  bool has_text = false;  // an object whose member `key` is a string
  std::string text;       // that string; halves of surrogate pairs have become U+FFFD
  std::string fault;      // unless has_text, a sentence that says why
};

// `line` must be valid UTF-8. Nesting is limited to 1,000 levels. If the object has several members
// of that name the first counts.
ScannedLine scan_line(std::string_view line, std::string_view key);

}  // namespace sy
