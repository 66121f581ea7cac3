// SPDX-License-Identifier: Apache-2.0
// Which feed-forward layers of a stack are sparse by the rule of Hugging Face's SwitchTransformers:
// with a step of 1 all layers, with 0 none, otherwise the layers i with i % step == 1. Their class
// derives the step as layers / sparse layers, rounded down. Ours are given by
// model.experts.interval, or by model.experts.layers.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/config/config.h"

namespace sy::convert {

bool is_hf_sparse_layer(int64_t layer, int64_t step);

// A stack by Hugging Face's rule.
struct HfStack {
  int64_t layers = 0;
  int64_t sparse_layers = 0;  // as config.json says, which is not always how many there are
  int64_t step = 0;

  // With the step that Hugging Face's class derives (transformers 4.53). Without sparse layers that
  // is `layers`, which still makes layer 1 sparse: only a step of 0 in the file prevents it.
  static HfStack derived(int64_t layers, int64_t sparse_layers);

  int64_t count_sparse() const;
};

// The stack whose sparse layers are those of `stack` in `model`, or nothing if there is none.
std::optional<HfStack> find_hf_stack(const ModelSection& model, Stack stack);

// Makes the same layers sparse in `model`, whose numbers of layers are those of the stacks: by an
// interval if one fits both stacks, otherwise by lists. At least one stack has sparse layers.
void set_sparse_layers(ModelSection& model, const HfStack& encoder, const HfStack& decoder);

}  // namespace sy::convert
