// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/likelihood.h"

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"

namespace sy {
namespace {

void add_token(Likelihood& likelihood, std::span<const float> logits, int32_t id) {
  SY_CHECK(id >= 0 && id < std::ssize(logits), "id {} of a vocabulary of {}", id, logits.size());
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  const double logit = logits[static_cast<size_t>(id)];
  likelihood.log_probs.push_back(logit - log_sum_exp(logits));
  likelihood.log_likelihood += likelihood.log_probs.back();
  likelihood.greedy = likelihood.greedy && best == id;
}

// Feeds the targets a token at a time; a target at its end leaves the batch.
void follow(NextLogits& model, std::span<const std::vector<int32_t>> targets, int32_t start,
            std::span<Likelihood> likelihoods) {
  std::vector<size_t> running(targets.size());
  std::iota(running.begin(), running.end(), size_t{0});
  std::vector<int32_t> parents(targets.size()), ids(targets.size(), start);
  std::iota(parents.begin(), parents.end(), 0);
  for (size_t position = 0; !running.empty(); ++position) {
    const LogitRows logits = model.next(parents, ids);
    std::vector<size_t> still;
    parents.clear();
    ids.clear();
    for (size_t row = 0; row < running.size(); ++row) {
      const std::vector<int32_t>& target = targets[running[row]];
      add_token(likelihoods[running[row]], logits.row(static_cast<int64_t>(row)), target[position]);
      if (position + 1 == target.size()) continue;
      still.push_back(running[row]);
      parents.push_back(static_cast<int32_t>(row));
      ids.push_back(target[position]);
    }
    running = std::move(still);
  }
}

}  // namespace

std::vector<Likelihood> target_likelihoods(NextLogits& model, const Prompts& prompts,
                                           const Prompts& targets, int64_t batch, int32_t start) {
  SY_CHECK(prompts.size() == targets.size(), "{} prompts and {} targets", prompts.size(),
           targets.size());
  for (const std::vector<int32_t>& target : targets) SY_CHECK(!target.empty(), "an empty target");
  std::vector<Likelihood> likelihoods(targets.size());
  for (size_t first = 0; first < targets.size(); first += static_cast<size_t>(batch)) {
    const size_t count = std::min(targets.size() - first, static_cast<size_t>(batch));
    model.begin(std::span(prompts).subspan(first, count));
    follow(model, std::span(targets).subspan(first, count), start,
           std::span(likelihoods).subspan(first, count));
  }
  return likelihoods;
}

}  // namespace sy
