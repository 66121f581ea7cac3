// SPDX-License-Identifier: Apache-2.0
// Counts of runs of words.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sy::metrics {

using Tokens = std::vector<std::string>;  // without spaces
using Counts = std::unordered_map<std::string, int64_t>;

// How often each run of n words occurs, as text with spaces between.
inline Counts count_ngrams(const Tokens& tokens, size_t n) {
  Counts counts;
  for (size_t end = n; end <= tokens.size(); ++end) {
    std::string ngram = tokens[end - n];
    for (size_t i = end - n + 1; i < end; ++i) ngram += ' ' + tokens[i];
    ++counts[ngram];
  }
  return counts;
}

// The n-grams that both have, each as often as the one that has fewer.
inline int64_t count_common(const Counts& a, const Counts& b) {
  int64_t common = 0;
  for (const auto& [ngram, count] : a) {
    const auto found = b.find(ngram);
    if (found != b.end()) common += std::min(count, found->second);
  }
  return common;
}

}  // namespace sy::metrics
