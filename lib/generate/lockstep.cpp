// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/lockstep.h"

#include "lib/base/error.h"

namespace sy {

void Lockstep::begin(std::span<const std::vector<int32_t>> prompts) {
  SY_CHECK(std::ssize(prompts) <= prompts_, "{} prompts of {}", prompts.size(), prompts_);
  std::vector<std::vector<int32_t>> filled(prompts.begin(), prompts.end());
  filled.resize(static_cast<size_t>(prompts_));
  model_.begin(filled);
}

LogitRows Lockstep::next(std::span<const int32_t> parents, std::span<const int32_t> ids) {
  any_searches(true);
  return model_.next(parents, ids);
}

void Lockstep::finish() {
  constexpr int32_t kFirst[] = {0};  // any sequence, and any token
  while (any_searches(false)) model_.next(kFirst, kFirst);
}

bool Lockstep::any_searches(bool here) {
  int32_t searching = here ? 1 : 0;
  if (ranks_.size() > 1) {
    ranks_.all_reduce_max(Tensor(&searching, DType::i32, {1}), "ranks that generate");
  }
  return searching > 0;
}

}  // namespace sy
