#include "lib/convert/hf/sparse_layers.h"

#include <algorithm>

#include "lib/model/context.h"

namespace sy::convert {
namespace {

bool agree(const ModelSection& model, const HfStack& stack) {
  for (int64_t layer = 0; layer < stack.layers; ++layer) {
    if (is_sparse_layer(model, layer) != is_hf_sparse_layer(layer, stack.step)) return false;
  }
  return true;
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

std::optional<HfStack> find_hf_stack(const ModelSection& model, int64_t layers) {
  const HfStack dense{layers, 0, 0};
  if (agree(model, dense)) return dense;
  std::optional<HfStack> found;
  for (int64_t count = 1; count <= layers; ++count) {
    const HfStack stack = HfStack::derived(layers, count);
    if (!agree(model, stack)) continue;
    if (stack.count_sparse() == count) return stack;
    found = stack;  // makes more layers sparse than it says, such as 3 of 5 (step 1: all)
  }
  return found;
}

std::optional<int64_t> find_interval(const HfStack& encoder, const HfStack& decoder) {
  ModelSection model;
  model.experts.count = 1;
  for (int64_t interval = 1; interval <= std::max(encoder.layers, decoder.layers); ++interval) {
    model.experts.interval = interval;
    if (agree(model, encoder) && agree(model, decoder)) return interval;
  }
  return std::nullopt;
}

}  // namespace sy::convert
