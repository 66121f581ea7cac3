// SPDX-License-Identifier: Apache-2.0
#include "lib/model/embedding.h"

#include "kernels/embedding/embedding.h"

namespace sy {

Param* embedding_params(ParamStore& store, const ModelSection& model) {
  return store.add("shared/embedding", {model.vocab_size.value, model.d_model},
                   Placement::replicated(), {Init::Kind::normal, 1.0});
}

void embed_forward(const LayerContext& context, const Param& table, Tensor out, Tensor ids,
                   uint32_t site) {
  embedding_forward(context.exec, out, table.compute, ids);
  dropout_forward(context.exec, out, out, context.dropout(site));
}

void embed_backward(const LayerContext& context, Param& table, Tensor d_out, Tensor ids,
                    uint32_t site) {
  dropout_forward(context.exec, d_out, d_out, context.dropout(site));
  embedding_backward(context.exec, table.cleared_grad(context.exec), d_out, ids);
}

}  // namespace sy
