// SPDX-License-Identifier: Apache-2.0
// BLEU (Papineni et al. 2002) of a corpus, as sacrebleu computes it with smooth_method="exp".
#include <array>
#include <cmath>
#include <cstdlib>

#include "lib/tasks/scores/bleu_tokens.h"
#include "lib/tasks/scores/metrics.h"

namespace sy::metrics {
namespace {

constexpr size_t kMaxOrder = 4;

using Tokenise = Tokens (*)(const std::string& text);

// Sums over the corpus.
struct Statistics {
  int64_t prediction_length = 0, target_length = 0;
  std::array<int64_t, kMaxOrder> correct{}, total{};  // n-grams of the prediction
};

// The length nearest to the prediction's; of two, the shorter.
int64_t nearest_length(int64_t length, const std::vector<Tokens>& targets) {
  int64_t nearest = std::ssize(targets.front());
  for (const Tokens& target : targets) {
    const int64_t here = std::ssize(target);
    const int64_t distance = std::abs(here - length), least = std::abs(nearest - length);
    if (distance < least || (distance == least && here < nearest)) nearest = here;
  }
  return nearest;
}

void add(Statistics& sums, const Answer& answer, Tokenise tokenise) {
  const Tokens prediction = tokenise(answer.prediction);
  std::vector<Tokens> targets;
  for (const std::string& text : answer.example->targets) targets.push_back(tokenise(text));
  sums.prediction_length += std::ssize(prediction);
  sums.target_length += nearest_length(std::ssize(prediction), targets);
  for (size_t n = 1; n <= kMaxOrder; ++n) {
    Counts most;  // in any one target
    for (const Tokens& target : targets) {
      for (const auto& [ngram, count] : count_ngrams(target, n)) {
        int64_t& held = most[ngram];
        held = std::max(held, count);
      }
    }
    sums.correct[n - 1] += count_common(count_ngrams(prediction, n), most);
    sums.total[n - 1] += std::max<int64_t>(0, std::ssize(prediction) - static_cast<int64_t>(n) + 1);
  }
}

// The geometric mean of the precisions. Smoothing: the k-th order without a correct n-gram counts
// as 1/2^k of one. 0 if no word is correct, or if no prediction has n words for every order.
double mean_precision(const Statistics& sums) {
  if (sums.correct[0] == 0) return 0;
  double smoothed = 1, logs = 0;
  for (size_t i = 0; i < kMaxOrder; ++i) {
    if (sums.total[i] == 0) return 0;
    if (sums.correct[i] == 0) smoothed /= 2;
    const double correct = sums.correct[i] == 0 ? smoothed : static_cast<double>(sums.correct[i]);
    logs += std::log(correct / static_cast<double>(sums.total[i]));
  }
  return std::exp(logs / kMaxOrder);
}

std::vector<Score> corpus_bleu(Answers answers, Tokenise tokenise) {
  Statistics sums;
  for (const Answer& answer : answers) add(sums, answer, tokenise);
  const auto predicted = static_cast<double>(sums.prediction_length);
  const auto expected = static_cast<double>(sums.target_length);
  const double mean = mean_precision(sums);
  const double brevity = predicted < expected ? std::exp(1 - expected / predicted) : 1;
  return {{"bleu", 100 * mean * (mean == 0 ? 0 : brevity)}};
}

}  // namespace

std::vector<Score> bleu(Answers answers, Labels) {
  return corpus_bleu(answers, tokenise_intl);
}

std::vector<Score> bleu_13a(Answers answers, Labels) {
  return corpus_bleu(answers, tokenise_13a);
}

}  // namespace sy::metrics
