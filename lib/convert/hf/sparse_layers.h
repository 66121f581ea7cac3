// Which feed-forward layers of a stack are sparse, by our rule (every interval-th, beginning with
// layer interval - 1) and by that of Hugging Face's SwitchTransformers: a step of layers / sparse
// layers in whole numbers makes the layers i with i % step == 1 sparse, step 1 all and step 0 none.
// The rules meet for steps 1 and 2 and, by chance, in short stacks.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/config/run_config.h"

namespace sy::convert {

bool is_hf_sparse_layer(int64_t layer, int64_t step);

// A stack by Hugging Face's rule.
struct HfStack {
  int64_t layers = 0;
  int64_t sparse_layers = 0;  // as config.json says; not always how many there are
  int64_t step = 0;

  // With the step that Hugging Face's class derives (transformers 4.53). Without sparse layers that
  // is `layers`, which makes layer 1 sparse all the same: only a step of 0 in the file prevents it.
  static HfStack derived(int64_t layers, int64_t sparse_layers);

  int64_t count_sparse() const;
};

// The stack that makes just those layers sparse that are so in `model`; nothing where there is
// none.
std::optional<HfStack> find_hf_stack(const ModelSection& model, int64_t layers);

// The interval that makes the same layers of both stacks sparse, of which at least one has some.
std::optional<int64_t> find_interval(const HfStack& encoder, const HfStack& decoder);

}  // namespace sy::convert
