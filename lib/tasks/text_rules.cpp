// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/text_rules.h"

#include <algorithm>
#include <array>

namespace sy {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

bool is_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// The characters for which Python's str.isspace() is true, beside the ASCII ones.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
    "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
    "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};

bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1C' && c <= '\x1F');
}

// Bytes of the white space at the beginning, or at the end, of the text; 0 if there is none.
template <class Matches>
size_t space_at(char outer, Matches&& matches) {
  if (is_ascii_space(outer)) return 1;
  const auto* found = std::find_if(kWideSpaces.begin(), kWideSpaces.end(), matches);
  return found == kWideSpaces.end() ? 0 : found->size();
}

}  // namespace

std::string collapse_spaces(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool inside = false;
  for (const char c : text) {
    if (!is_space(c)) {
      result += c;
    } else if (!inside) {
      result += ' ';
    }
    inside = is_space(c);
  }
  return result;
}

std::string pad_punctuation(std::string_view text) {
  std::string padded;
  padded.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    if (is_punctuation(c)) {
      padded.append({' ', c, ' '});
    } else {
      padded += c;
    }
  }
  return collapse_spaces(padded);
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes =
        space_at(text.front(), [&](std::string_view space) { return text.starts_with(space); });
    if (bytes == 0) break;
    text.remove_prefix(bytes);
  }
  while (!text.empty()) {
    const size_t bytes =
        space_at(text.back(), [&](std::string_view space) { return text.ends_with(space); });
    if (bytes == 0) break;
    text.remove_suffix(bytes);
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + 1) {
    parts.push_back(text.substr(begin, end - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace sy
