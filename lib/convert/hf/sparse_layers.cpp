// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/sparse_layers.h"

#include <algorithm>

namespace sy::convert {
namespace {

bool agree(const ModelSection& model, Stack which, const HfStack& stack) {
  for (int64_t layer = 0; layer < stack.layers; ++layer) {
    if (is_sparse_layer(model, which, layer) != is_hf_sparse_layer(layer, stack.step)) return false;
  }
  return true;
}

AutoInts list_of(const HfStack& stack) {
  AutoInts list{false, {}};
  for (int64_t layer = 0; layer < stack.layers; ++layer) {
    if (is_hf_sparse_layer(layer, stack.step)) list.values.push_back(layer);
  }
  return list;
}

}  // namespace

bool is_hf_sparse_layer(int64_t layer, int64_t step) {
  return step == 1 || (step > 1 && layer % step == 1);
}

HfStack HfStack::derived(int64_t layers, int64_t sparse_layers) {
  return {layers, sparse_layers, sparse_layers > 0 ? layers / sparse_layers : layers};
}

int64_t HfStack::count_sparse() const {
  int64_t count = 0;
  for (int64_t layer = 0; layer < layers; ++layer) count += is_hf_sparse_layer(layer, step);
  return count;
}

std::optional<HfStack> find_hf_stack(const ModelSection& model, Stack stack) {
  const int64_t layers = stack == Stack::encoder ? model.encoder_layers : model.decoder_layers;
  const HfStack dense{layers, 0, 0};
  if (agree(model, stack, dense)) return dense;
  std::optional<HfStack> found;
  for (int64_t count = 1; count <= layers; ++count) {
    const HfStack candidate = HfStack::derived(layers, count);
    if (!agree(model, stack, candidate)) continue;
    if (candidate.count_sparse() == count) return candidate;
    found = candidate;  // has more sparse layers than it says, such as 3 of 5 (step 1: all)
  }
  return found;
}

void set_sparse_layers(ModelSection& model, const HfStack& encoder, const HfStack& decoder) {
  ExpertsSection& experts = model.experts;
  experts.layers = {};
  for (int64_t interval = 1; interval <= std::max(encoder.layers, decoder.layers); ++interval) {
    experts.interval = interval;
    if (agree(model, Stack::encoder, encoder) && agree(model, Stack::decoder, decoder)) return;
  }
  experts.interval = ExpertsSection{}.interval;
  experts.layers = {list_of(encoder), list_of(decoder)};
}

}  // namespace sy::convert
