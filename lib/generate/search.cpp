// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/search.h"

#include <algorithm>

#include "lib/generate/beam_search.h"
#include "lib/generate/sampling.h"

namespace sy {
namespace {

// Takes the most likely token at each position; ties go to the lowest id.
class Greedy final : public OneSequence {
 public:
  explicit Greedy(const GenerateOptions& options) : OneSequence(options) {}

 private:
  int32_t choose(std::span<const float> logits, int64_t /*position*/) override {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
};

}  // namespace

std::vector<Continuation> OneSequence::advance(const LogitRows& logits) {
  const std::span<const float> row = logits.row(0);
  const double log_sum = log_sum_exp(row);
  const int32_t id = choose(row, static_cast<int64_t>(written_.ids.size()));
  written_.ids.push_back(id);
  written_.log_probs.push_back(static_cast<double>(row[static_cast<size_t>(id)]) - log_sum);
  written_.score += written_.log_probs.back();
  if (id == eos_ || static_cast<int64_t>(written_.ids.size()) == max_length_) return {};
  return {{0, id}};
}

std::unique_ptr<Search> make_search(const GenerateOptions& options, int64_t prompt) {
  switch (options.strategy) {
    case Strategy::sample:
      return std::make_unique<Sampling>(options, prompt);
    case Strategy::beam:
      return std::make_unique<BeamSearch>(options);
    default:
      return std::make_unique<Greedy>(options);
  }
}

}  // namespace sy
