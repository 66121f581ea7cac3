// Which feed-forward layers of a stack are sparse, by our rule (every interval-th, beginning with
// layer interval - 1) and by that of Hugging Face's SwitchTransformers: a step of layers / sparse
// layers in whole numbers; step 0 gives none, 1 all, any other the layers i with i % step == 1.
// The rules meet for steps 1 and 2 and, by chance, in short stacks.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/config/run_config.h"

namespace sy::convert {

int64_t hf_sparse_step(int64_t layers, int64_t sparse_layers);
bool is_hf_sparse_layer(int64_t layer, int64_t step);

// The number of sparse layers by which Hugging Face makes just those layers of a stack sparse that
// are so in `model`; nothing where there is none.
std::optional<int64_t> find_hf_sparse_layers(const ModelSection& model, int64_t layers);

// A stack by Hugging Face's rule.
struct HfStack {
  int64_t layers = 0;
  int64_t step = 0;
  int64_t sparse_layers() const;
};
// The interval that makes the same layers of both stacks sparse, of which at least one has some.
std::optional<int64_t> find_interval(const HfStack& encoder, const HfStack& decoder);

}  // namespace sy::convert
