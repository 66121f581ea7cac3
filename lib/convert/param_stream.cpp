// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/param_stream.h"

#include "lib/model/embedding.h"
#include "lib/model/loss.h"
#include "lib/model/stack.h"

namespace sy::convert {

std::vector<Param> model_params(const ModelSection& model) {
  ParamStore store;
  Param* const embedding = embedding_params(store, model);
  LayerCounter layers;
  stack_params(store, model, encoder_spec(model, embedding), layers);
  stack_params(store, model, decoder_spec(model, embedding), layers);
  loss_params(store, model, embedding);
  return {store.all().begin(), store.all().end()};
}

}  // namespace sy::convert
