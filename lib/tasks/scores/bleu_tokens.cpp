// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores/bleu_tokens.h"

#include "lib/tasks/scores/unicode.h"

namespace sy::metrics {
namespace {

using Text = std::u32string;

// Writes the pairs of neighbours (a, b) with first(a) and second(b) with spaces: `before` the pair,
// between its two, `after` it. As a regular expression does, it goes on behind a pair, so pairs do
// not overlap.
template <class First, class Second>
Text space_pairs(const Text& text, First first, Second second, std::u32string_view before,
                 std::u32string_view after) {
  Text spaced;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && first(text[i]) && second(text[i + 1])) {
      spaced.append(before).append(1, text[i]).append(U" ").append(1, text[i + 1]).append(after);
      ++i;
    } else {
      spaced += text[i];
    }
  }
  return spaced;
}

template <class Kind>
Text space_around(const Text& text, Kind kind) {
  Text spaced;
  for (const char32_t point : text) {
    if (kind(point)) {
      spaced.append(U" ").append(1, point).append(U" ");
    } else {
      spaced += point;
    }
  }
  return spaced;
}

Tokens split(const Text& text) {
  Tokens tokens;
  for (const Text& word : split_words(text)) tokens.push_back(utf8(word));
  return tokens;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

Text without_trailing_spaces(Text text) {
  while (!text.empty() && is_space(text.back())) text.pop_back();
  return text;
}

bool is_digit(char32_t point) {
  return point >= U'0' && point <= U'9';
}
bool is_no_digit(char32_t point) {
  return !is_digit(point);
}
bool is_no_number(char32_t point) {
  return !is_number(point);
}
bool is_stop(char32_t point) {
  return point == U'.' || point == U',';
}
bool is_dash(char32_t point) {
  return point == U'-';
}

// ASCII space and punctuation except ' , - . and letters and digits.
bool is_separate(char32_t point) {
  return (point >= U'{' && point <= U'~') || (point >= U'[' && point <= U'`') ||
         (point >= U' ' && point <= U'&') || (point >= U'(' && point <= U'+') ||
         (point >= U':' && point <= U'@') || point == U'/';
}

}  // namespace

Tokens tokenise_intl(const std::string& text) {
  Text line = without_trailing_spaces(code_points(text));
  line = space_pairs(line, is_no_number, is_punctuation, U"", U" ");
  line = space_pairs(line, is_punctuation, is_no_number, U" ", U"");
  return split(space_around(line, is_symbol));
}

Tokens tokenise_13a(const std::string& text) {
  std::string raw = utf8(without_trailing_spaces(code_points(text)));
  replace_all(raw, "<skipped>", "");
  replace_all(raw, "-\n", "");
  replace_all(raw, "\n", " ");
  replace_all(raw, "&quot;", "\"");
  replace_all(raw, "&amp;", "&");
  replace_all(raw, "&lt;", "<");
  replace_all(raw, "&gt;", ">");
  Text line = space_around(code_points(' ' + raw + ' '), is_separate);
  line = space_pairs(line, is_no_digit, is_stop, U"", U" ");
  line = space_pairs(line, is_stop, is_no_digit, U" ", U"");
  return split(space_pairs(line, is_digit, is_dash, U"", U" "));
}

}  // namespace sy::metrics
