// SPDX-License-Identifier: Apache-2.0
// The parameters of a model, counted by the part that they belong to.
#pragma once

#include <array>
#include <cstdint>

#include "lib/config/run_config.h"
#include "lib/model/param.h"

namespace sy {

enum class ModelPart : uint8_t {
  embeddings,
  attention,  // with relative biases; without experts in attention
  dense_ffn,  // with shared experts
  experts,
  routers,
  norms,
  head,  // a separate output projection
  kCount
};
constexpr size_t kModelParts = static_cast<size_t>(ModelPart::kCount);

// "embeddings", "attention", "dense_ffn", ...
const char* name_of(ModelPart part);

struct ParameterCount {
  int64_t total = 0;
  // What one token meets: everything but the experts that it does not go to. With expert_choice,
  // as many experts as a token has on average, rounded.
  int64_t active = 0;
  std::array<int64_t, kModelParts> of_part{};
};

ParameterCount count_parameters(const ParamStore& params, const ExpertsSection& experts);

}  // namespace sy
