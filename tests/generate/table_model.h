// SPDX-License-Identifier: Apache-2.0
// A model for testing search strategies: the logits of a sequence are pseudo-random numbers
// determined by its prompt and all its tokens.
#pragma once

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/generate/generate.h"

namespace sy::test {

class TableModel : public NextLogits {
 public:
  // Logits in [-spread, spread), and at most `most_rows` sequences at a time.
  explicit TableModel(int64_t vocabulary, uint64_t seed, float spread = 2, int64_t most_rows = 64)
      : vocabulary_(vocabulary), seed_(seed), spread_(spread), most_rows_(most_rows) {}

  void begin(std::span<const std::vector<int32_t>> prompts) override {
    sequences_.assign(prompts.begin(), prompts.end());
    for (std::vector<int32_t>& sequence : sequences_) sequence.push_back(-1);
  }

  LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) override {
    std::vector<std::vector<int32_t>> chosen;
    logits_.clear();
    for (size_t i = 0; i < parents.size(); ++i) {
      chosen.push_back(sequences_.at(static_cast<size_t>(parents[i])));
      chosen.back().push_back(ids[i]);
      for (const float logit : logits_of(chosen.back())) logits_.push_back(logit);
    }
    sequences_ = std::move(chosen);
    SY_CHECK(std::ssize(sequences_) <= most_rows_, "{} rows", sequences_.size());
    rows_run += std::ssize(sequences_);
    return {logits_.data(), std::ssize(sequences_), vocabulary_, vocabulary_ - unusable};
  }

  std::vector<float> logits_of(const std::vector<int32_t>& sequence) const {
    uint64_t hash = seed_;
    for (const int32_t id : sequence) {
      const Philox4 words = philox({hash, static_cast<uint32_t>(id), 7}, 0);
      hash = static_cast<uint64_t>(words.word[0]) << 32 | words.word[1];
    }
    std::vector<float> logits;
    for (int64_t i = 0; i < vocabulary_; ++i) {
      const float uniform = random_uniform({hash, 0, 8}, static_cast<uint64_t>(i));
      logits.push_back(spread_ * (2 * uniform - 1));
    }
    return logits;
  }

  // For the target of a prompt: the sum of the log-probabilities of its tokens.
  double log_probability(const std::vector<int32_t>& prompt,
                         const std::vector<int32_t>& target) const {
    std::vector<int32_t> sequence = prompt;
    sequence.insert(sequence.end(), {-1, 0});
    double total = 0;
    for (const int32_t id : target) {
      const std::vector<float> logits = logits_of(sequence);
      total += static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum_exp(logits);
      sequence.push_back(id);
    }
    return total;
  }

  int64_t unusable = 0;  // ids at the end of the vocabulary
  int64_t rows_run = 0;

 private:
  int64_t vocabulary_;
  uint64_t seed_;
  float spread_;
  int64_t most_rows_;
  std::vector<std::vector<int32_t>> sequences_;
  std::vector<float> logits_;
};

}  // namespace sy::test
