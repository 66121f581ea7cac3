// SPDX-License-Identifier: Apache-2.0
// ROUGE as the package rouge_score computes it, without stemming, as T5 calls it.
#include <algorithm>
#include <array>
#include <set>

#include "lib/tasks/scores/metrics.h"
#include "lib/tasks/scores/ngrams.h"
#include "lib/tasks/scores/unicode.h"

namespace sy::metrics {
namespace {

using Sentences = std::vector<Tokens>;

constexpr std::array<const char*, 4> kNames{"rouge1", "rouge2", "rougeL", "rougeLsum"};
using Scores = std::array<double, kNames.size()>;

// Runs of ASCII letters and digits, in lower case; anything else separates them.
Tokens tokens_of(std::u32string_view text) {
  Tokens tokens;
  bool within = false;
  for (const char32_t point : text) {
    const bool kept = (point >= U'a' && point <= U'z') || (point >= U'0' && point <= U'9');
    if (kept && !within) tokens.emplace_back();
    if (kept) tokens.back() += static_cast<char>(point);
    within = kept;
  }
  return tokens;
}

struct Summary {
  Tokens tokens;
  Sentences sentences;  // at newlines, and after " . " as in CNN/Daily Mail
};

Summary summary_of(const std::string& text) {
  const std::u32string lower = lowered(code_points(text));
  Summary summary{tokens_of(lower), {}};
  size_t begin = 0;
  for (size_t i = 0; i < lower.size(); ++i) {
    const bool stop = std::u32string_view(lower).substr(i).starts_with(U" . ");
    if (!stop && lower[i] != U'\n') continue;
    summary.sentences.push_back(tokens_of(std::u32string_view(lower).substr(begin, i - begin)));
    if (stop) i += 2;
    begin = i + 1;
  }
  summary.sentences.push_back(tokens_of(std::u32string_view(lower).substr(begin)));
  return summary;
}

double f_measure(int64_t common, size_t target, size_t prediction) {
  return common == 0 ? 0
                     : 2 * static_cast<double>(common) / static_cast<double>(target + prediction);
}

double ngram_f(const Tokens& target, const Tokens& prediction, size_t n) {
  const int64_t common = count_common(count_ngrams(target, n), count_ngrams(prediction, n));
  return f_measure(common, target.size() - (n - 1), prediction.size() - (n - 1));
}

// Lengths of longest common subsequences: [i][j] for the first i words of a and j of b.
class LcsTable {
 public:
  LcsTable(const Tokens& a, const Tokens& b)
      : columns_(b.size() + 1), lengths_((a.size() + 1) * columns_) {
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        lengths_[i * columns_ + j] =
            a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
      }
    }
  }
  int32_t at(size_t i, size_t j) const { return lengths_[i * columns_ + j]; }

 private:
  size_t columns_;
  std::vector<int32_t> lengths_;
};

double lcs_f(const Tokens& target, const Tokens& prediction) {
  const int32_t common = LcsTable(target, prediction).at(target.size(), prediction.size());
  return f_measure(common, target.size(), prediction.size());
}

// Adds the places in `a` of a longest common subsequence. Of several it is the one that this walk
// finds from the end, which the score depends on.
void add_lcs_places(const Tokens& a, const Tokens& b, std::set<size_t>& places) {
  const LcsTable table(a, b);
  size_t i = a.size(), j = b.size();
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      places.insert(--i);
      --j;
    } else if (table.at(i, j - 1) > table.at(i - 1, j)) {
      --j;
    } else {
      --i;
    }
  }
}

Counts count_words(const Sentences& sentences) {
  Counts counts;
  for (const Tokens& sentence : sentences) {
    for (const std::string& word : sentence) ++counts[word];
  }
  return counts;
}

// Each sentence of the target takes the union of its common subsequences with all sentences of the
// prediction; a word counts at most as often as either side has it.
double lcs_sum_f(const Summary& target, const Summary& prediction) {
  Counts of_target = count_words(target.sentences);
  Counts of_prediction = count_words(prediction.sentences);
  int64_t common = 0;
  for (const Tokens& sentence : target.sentences) {
    std::set<size_t> places;
    for (const Tokens& other : prediction.sentences) add_lcs_places(sentence, other, places);
    for (const size_t place : places) {
      int64_t &here = of_target[sentence[place]], &there = of_prediction[sentence[place]];
      if (here <= 0 || there <= 0) continue;
      --here;
      --there;
      ++common;
    }
  }
  return f_measure(common, target.tokens.size(), prediction.tokens.size());
}

Scores score_pair(const Summary& target, const Summary& prediction) {
  return {ngram_f(target.tokens, prediction.tokens, 1),
          ngram_f(target.tokens, prediction.tokens, 2), lcs_f(target.tokens, prediction.tokens),
          lcs_sum_f(target, prediction)};
}

}  // namespace

std::vector<Score> rouge(Answers answers, Labels) {
  Scores sums{};
  for (const Answer& answer : answers) {
    const Summary prediction = summary_of(answer.prediction);
    Scores best{};
    for (const std::string& target : answer.example->targets) {
      const Scores scores = score_pair(summary_of(target), prediction);
      for (size_t i = 0; i < best.size(); ++i) best[i] = std::max(best[i], scores[i]);
    }
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += best[i];
  }
  std::vector<Score> scores;
  for (size_t i = 0; i < sums.size(); ++i) {
    scores.push_back({kNames[i], 100 * sums[i] / static_cast<double>(answers.size())});
  }
  return scores;
}

}  // namespace sy::metrics
