// SPDX-License-Identifier: Apache-2.0
// A tiny model to plan.
#pragma once

#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/plan/rank_plan.h"

namespace sy::test {

inline RunConfig small_config(const std::vector<std::string>& overrides = {}) {
  constexpr const char* kText = R"(
model: {vocab_size: 256, d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2,
        decoder_layers: 2, experts: {count: 4, group_sequences: 1}}
data: {train: [none], validation: [none], tokenizer: none, encoder_length: 32, decoder_length: 8, streams: 8}
train: {global_batch: 16, micro_batch: 1, eval_every: 0}
)";
  return parse_config(kText, "small", overrides);
}

inline PlanInput small_input(int ranks, const std::vector<std::string>& overrides = {}) {
  return plan_input(small_config(overrides), ranks, 1);
}

}  // namespace sy::test
