// SPDX-License-Identifier: Apache-2.0
// Unicode text as the benchmarks' scorers see it: they are Python programs, so lower case, spaces
// and words are those of Python's str and re. The tables are utf8proc's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sy {

// Bytes that are not UTF-8 become U+FFFD each.
std::u32string code_points(std::string_view utf8);
std::string utf8(std::u32string_view points);

// str.lower(): a sigma at the end of a word is a final one, and İ becomes two code points.
std::u32string lowered(std::u32string_view points);

bool is_space(char32_t point);        // str.isspace()
bool is_word(char32_t point);         // \w of re: letters, numbers, "_"
bool is_number(char32_t point);       // \p{N}
bool is_punctuation(char32_t point);  // \p{P}
bool is_symbol(char32_t point);       // \p{S}

std::u32string_view trimmed(std::u32string_view points);              // str.strip()
std::vector<std::u32string> split_words(std::u32string_view points);  // str.split()

}  // namespace sy
