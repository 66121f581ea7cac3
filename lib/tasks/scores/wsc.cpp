// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "lib/tasks/scores/metrics.h"
#include "lib/tasks/scores/unicode.h"

namespace sy::metrics {
namespace {

using Words = std::set<std::u32string>;

const Words kDeterminers{U"a",     U"an",    U"few",  U"her",   U"his",   U"each",  U"every",
                         U"many",  U"much",  U"my",   U"our",   U"some",  U"that",  U"the",
                         U"their", U"these", U"this", U"those", U"which", U"whose", U"your"};

// The words of a referent in lower case without determiners. There is always one: of nothing, "".
Words words_of(const std::string& text) {
  const std::u32string points = code_points(text);
  const std::u32string lower = lowered(trimmed(points));
  Words words;
  for (size_t begin = 0; begin <= lower.size();) {
    const size_t end = std::min(lower.find(U' ', begin), lower.size());
    std::u32string word = lower.substr(begin, end - begin);
    if (!kDeterminers.contains(word)) words.insert(std::move(word));
    begin = end + 1;
  }
  if (words.empty()) words.insert(U"");
  return words;
}

bool has_apostrophe(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const std::u32string& word) {
    return word.find(U'\'') != std::u32string::npos;
  });
}

bool is_part(const Words& part, const Words& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

// "fuzzy bunny" refers to the bunny, "Bob" not to Bob's hat.
bool refers_to(const std::string& prediction, const std::string& referent) {
  const Words predicted = words_of(prediction), expected = words_of(referent);
  if (has_apostrophe(predicted) != has_apostrophe(expected)) return false;
  return is_part(predicted, expected) || is_part(expected, predicted);
}

}  // namespace

std::vector<Score> wsc(Answers answers, Labels) {
  double right = 0;
  for (const Answer& answer : answers) {
    const TextExample& example = *answer.example;
    right += refers_to(answer.prediction, example.targets.front()) == example.right ? 1 : 0;
  }
  return {{"accuracy", 100 * right / static_cast<double>(answers.size())}};
}

}  // namespace sy::metrics
