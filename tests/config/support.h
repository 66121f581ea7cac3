// SPDX-License-Identifier: Apache-2.0
// What the tests of the configuration share.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/config/config.h"

namespace sy::test {

// The message of the ConfigError that parsing ends in; "" when it parses.
inline std::string parse_failure(const std::string& text,
                                 const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "run.yaml", overrides);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

// Whether `message` is a single line that has all of `words`: place, key, value, remedy. Sentences
// may be rephrased without breaking a test.
inline bool says(const std::string& message, const std::vector<std::string>& words) {
  if (message.empty() || message.find('\n') != std::string::npos) return false;
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    return message.find(word) != std::string::npos;
  });
}

// The lines of a text.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace sy::test
