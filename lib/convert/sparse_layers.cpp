#include "lib/convert/sparse_layers.h"

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

int64_t hf_sparse_step(int64_t layers, int64_t sparse_layers) {
  return sparse_layers > 0 ? layers / sparse_layers : 0;
}

bool is_hf_sparse_layer(int64_t layer, int64_t step) {
  return step == 1 || (step > 1 && layer % step == 1);
}

int64_t HfStack::sparse_layers() const {
  int64_t count = 0;
  for (int64_t layer = 0; layer < layers; ++layer) count += is_hf_sparse_layer(layer, step);
  return count;
}

std::optional<int64_t> find_hf_sparse_layers(const ModelSection& model, int64_t layers) {
  for (int64_t count = 0; count <= layers; ++count) {
    const HfStack stack{layers, hf_sparse_step(layers, count)};
    if (agree(model, stack) && (count == 0 || stack.sparse_layers() == count)) return count;
  }
  // A count that Hugging Face would take and not keep to, such as 3 of 5 (step 1: all).
  for (int64_t count = 1; count <= layers; ++count) {
    if (agree(model, {layers, hf_sparse_step(layers, count)})) return count;
  }
  return std::nullopt;
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
