// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/lockstep.h"

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {

void Lockstep::begin(std::span<const std::vector<int32_t>> prompts) {
  SY_CHECK(std::ssize(prompts) <= prompts_, "{} prompts of {}", prompts.size(), prompts_);
  std::vector<std::vector<int32_t>> filled(prompts.begin(), prompts.end());
  filled.resize(static_cast<size_t>(prompts_));
  model_.begin(filled);
}

LogitRows Lockstep::next(std::span<const int32_t> parents, std::span<const int32_t> ids) {
  const size_t most = most_sequences(parents.size());
  parents_.assign(parents.begin(), parents.end());
  ids_.assign(ids.begin(), ids.end());
  parents_.resize(most, 0);  // any sequence, and any token
  ids_.resize(most, 0);
  return model_.next(parents_, ids_).slice(0, std::ssize(parents));
}

void Lockstep::finish() {
  while (const size_t most = most_sequences(0)) {
    parents_.assign(most, 0);
    ids_.assign(most, 0);
    model_.next(parents_, ids_);
  }
}

// Over the ranks; 0 once all searches have ended.
size_t Lockstep::most_sequences(size_t here) {
  auto most = narrow<int32_t>(here);
  if (ranks_.size() > 1) {
    ranks_.all_reduce_max(Tensor(&most, DType::i32, {1}), "sequences to generate");
  }
  return static_cast<size_t>(most);
}

}  // namespace sy
