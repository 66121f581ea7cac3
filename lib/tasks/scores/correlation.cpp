// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "lib/tasks/scores/metrics.h"
#include "lib/tasks/scores/unicode.h"

namespace sy::metrics {
namespace {

using Values = std::vector<double>;

// T5 takes -1 for what is not a number. So is what is not finite, which would make the whole
// correlation NaN.
double number_of(const std::string& text) {
  constexpr double kNotANumber = -1;
  const std::u32string points = code_points(text);
  std::string digits = utf8(trimmed(points));
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.erase(0, 1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  return error == std::errc() && stop == end && std::isfinite(value) ? value : kNotANumber;
}

struct Pairs {
  Values targets, predictions;
};

Pairs pairs_of(Answers answers) {
  Pairs pairs;
  for (const Answer& answer : answers) {
    pairs.targets.push_back(number_of(answer.example->targets.front()));
    pairs.predictions.push_back(number_of(answer.prediction));
  }
  return pairs;
}

// Subtracts the mean and divides by the norm; NaN if all values are the same.
void standardise(Values& values) {
  if (std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); })) {
    std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value -= sum / static_cast<double>(values.size());
  const double norm =
      std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
  for (double& value : values) value /= norm;
}

double correlation(Pairs pairs) {
  standardise(pairs.targets);
  standardise(pairs.predictions);
  const double r = std::inner_product(pairs.targets.begin(), pairs.targets.end(),
                                      pairs.predictions.begin(), 0.0);
  return 100 * std::clamp(r, -1.0, 1.0);  // NaN stays
}

// Ranks from 1; equal values share the mean of theirs.
Values ranks_of(const Values& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  Values ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
    }
    begin = end;
  }
  return ranks;
}

}  // namespace

std::vector<Score> pearson(Answers answers, Labels) {
  return {{"pearson_corrcoef", correlation(pairs_of(answers))}};
}

std::vector<Score> spearman(Answers answers, Labels) {
  const Pairs pairs = pairs_of(answers);
  return {
      {"spearman_corrcoef", correlation({ranks_of(pairs.targets), ranks_of(pairs.predictions)})}};
}

}  // namespace sy::metrics
