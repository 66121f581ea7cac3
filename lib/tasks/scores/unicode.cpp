// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace sy {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

utf8proc_category_t category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

bool is_between(char32_t point, utf8proc_category_t first, utf8proc_category_t last) {
  const utf8proc_category_t found = category(point);
  return found >= first && found <= last;
}

// Letters that have a case.
bool is_cased(char32_t point) {
  return is_between(point, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LT);
}

// What may stand between the letters of a word without ending it, by Unicode's rule for sigma.
bool is_case_ignorable(char32_t point) {
  constexpr std::u32string_view kWithinWords =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return kWithinWords.find(point) != std::u32string_view::npos;
  }
}

// Whether the sigma at `place` comes after a letter and before none.
bool is_final_sigma(std::u32string_view points, size_t place) {
  size_t before = place;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  if (before == 0 || !is_cased(points[before - 1])) return false;
  size_t after = place + 1;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return after == points.size() || !is_cased(points[after]);
}

}  // namespace

std::u32string code_points(std::string_view utf8) {
  std::u32string points;
  points.reserve(utf8.size());
  const auto* next = reinterpret_cast<const utf8proc_uint8_t*>(utf8.data());
  auto left = static_cast<utf8proc_ssize_t>(utf8.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t bytes = utf8proc_iterate(next, left, &point);
    points.push_back(bytes > 0 ? static_cast<char32_t>(point) : kReplacement);
    const utf8proc_ssize_t taken = std::max<utf8proc_ssize_t>(bytes, 1);
    next += taken;
    left -= taken;
  }
  return points;
}

std::string utf8(std::u32string_view points) {
  std::string text;
  text.reserve(points.size());
  for (const char32_t point : points) {
    utf8proc_uint8_t bytes[4];
    const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  return text;
}

std::u32string lowered(std::u32string_view points) {
  constexpr char32_t kDottedI = 0x130, kSigma = 0x3A3, kFinalSigma = 0x3C2;
  std::u32string lower;
  lower.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i] == kDottedI) {
      lower += U"i\u0307";
    } else if (points[i] == kSigma && is_final_sigma(points, i)) {
      lower += kFinalSigma;
    } else {
      lower += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(points[i])));
    }
  }
  return lower;
}

bool is_space(char32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x1F) || point == 0x85 ||
         is_between(point, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZP);
}

bool is_word(char32_t point) {
  return point == U'_' || is_between(point, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO) ||
         is_number(point);
}

bool is_number(char32_t point) {
  return is_between(point, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool is_punctuation(char32_t point) {
  return is_between(point, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
}

bool is_symbol(char32_t point) {
  return is_between(point, UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SO);
}

std::u32string_view trimmed(std::u32string_view points) {
  while (!points.empty() && is_space(points.front())) points.remove_prefix(1);
  while (!points.empty() && is_space(points.back())) points.remove_suffix(1);
  return points;
}

std::vector<std::u32string> split_words(std::u32string_view points) {
  std::vector<std::u32string> words;
  for (auto begin = points.begin(); begin != points.end();) {
    begin = std::find_if_not(begin, points.end(), is_space);
    const auto end = std::find_if(begin, points.end(), is_space);
    if (begin != end) words.emplace_back(begin, end);
    begin = end;
  }
  return words;
}

}  // namespace sy
