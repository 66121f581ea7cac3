// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "lib/tasks/scores/metrics.h"
#include "lib/tasks/scores/unicode.h"

namespace sy::metrics {
namespace {

using Words = std::vector<std::u32string>;
using Normalise = Words (*)(const std::string& text);

constexpr std::u32string_view kPunctuation = U"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
constexpr std::u32string_view kQuotes = U"\u2018\u2019\u00B4";

// Replaces the words a, an and the by spaces. Here a word is letters, numbers and "_" without
// anything between, so that "l'an" loses its "an".
void remove_articles(std::u32string& text) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::u32string_view word(text.data() + begin, end - begin);
    if (word == U"a" || word == U"an" || word == U"the") {
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin),
                text.begin() + static_cast<std::ptrdiff_t>(end), U' ');
    }
    begin = std::max(end, begin + 1);
  }
}

Words normalise_squad(const std::string& text) {
  std::u32string points = lowered(code_points(text));
  std::erase_if(points, [](char32_t p) { return kPunctuation.find(p) != kPunctuation.npos; });
  remove_articles(points);
  return split_words(points);
}

Words normalise_trivia_qa(const std::string& text) {
  std::u32string points = lowered(code_points(text));
  for (char32_t& p : points) {
    if (kPunctuation.find(p) != kPunctuation.npos || kQuotes.find(p) != kQuotes.npos) p = U' ';
  }
  remove_articles(points);
  return split_words(points);
}

double word_f1(const Words& target, const Words& prediction) {
  std::map<std::u32string_view, int> left;
  for (const std::u32string& word : target) ++left[word];
  double common = 0;
  for (const std::u32string& word : prediction) common += left[word]-- > 0 ? 1 : 0;
  return common == 0 ? 0 : 2 * common / static_cast<double>(target.size() + prediction.size());
}

struct Sums {
  double exact = 0, f1 = 0, count = 0;

  void add(const Answer& answer, Normalise normalise) {
    const Words prediction = normalise(answer.prediction);
    double best_exact = 0, best_f1 = 0;
    for (const std::string& text : answer.example->targets) {
      const Words target = normalise(text);
      best_exact = std::max(best_exact, target == prediction ? 1.0 : 0.0);
      best_f1 = std::max(best_f1, word_f1(target, prediction));
    }
    exact += best_exact;
    f1 += best_f1;
    ++count;
  }

  std::vector<Score> scores() const {
    return {{"em", 100 * exact / count}, {"f1", 100 * f1 / count}};
  }
};

std::vector<Score> score_all(Answers answers, Normalise normalise) {
  Sums sums;
  for (const Answer& answer : answers) sums.add(answer, normalise);
  return sums.scores();
}

}  // namespace

std::vector<Score> squad(Answers answers, Labels) {
  return score_all(answers, normalise_squad);
}

std::vector<Score> trivia_qa(Answers answers, Labels) {
  return score_all(answers, normalise_trivia_qa);
}

std::vector<Score> record(Answers answers, Labels) {
  std::set<std::string> seen;
  Sums sums;
  for (const Answer& answer : answers) {
    const std::string& group = answer.example->group;
    if (group.empty() || seen.insert(group).second) sums.add(answer, normalise_squad);
  }
  return sums.scores();
}

}  // namespace sy::metrics
