// SPDX-License-Identifier: Apache-2.0
// What T5's preprocessors do to texts. Their regular expressions are RE2's, in which \s is a tab,
// newline, form feed, carriage return or space, and [[:punct:]] is ASCII.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sy {

// Every run of \s as one space, also at the ends.
std::string collapse_spaces(std::string_view text);

// Each character of ASCII punctuation with a space on both sides, then collapse_spaces.
std::string pad_punctuation(std::string_view text);

// Without the white space of Unicode at the ends, as Python's str.strip().
std::string_view strip(std::string_view text);

// The parts between the separators; at least one.
std::vector<std::string_view> split(std::string_view text, char separator);

void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace sy
