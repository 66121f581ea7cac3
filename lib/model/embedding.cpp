// SPDX-License-Identifier: Apache-2.0
#include "lib/model/embedding.h"

#include "kernels/embedding/embedding.h"
#include "lib/model/model_axis.h"

namespace sy {

Param* embedding_params(ParamStore& store, const ModelSection& model) {
  return store.add("shared/embedding", {model.vocab_size.value, model.d_model}, Placement::model(0),
                   {Init::Kind::normal, 1.0});
}

VocabularyShard vocabulary_shard(const Param& table) {
  return {table.slab.offset[0], table.shape[0]};
}

void embed_rows(const LayerContext& context, const Param& table, Tensor out, Tensor ids) {
  ScratchScope scratch(context.exec);
  const Tensor room = room_for_all(context, scratch, out);
  embedding_forward(context.exec, room, table.compute, ids, vocabulary_shard(table));
  sum_to_stream(context, out, room, "embedding");
}

void embed_forward(const LayerContext& context, const Param& table, Tensor out, Tensor ids,
                   uint32_t site) {
  embed_rows(context, table, out, ids);
  dropout_forward(context.exec, out, out, context.dropout(site));
}

void embed_backward(const LayerContext& context, Param& table, Tensor d_out, Tensor ids,
                    uint32_t site) {
  ScratchScope scratch(context.exec);
  dropout_forward(context.exec, d_out, d_out, context.dropout(site));
  const Tensor d_all =
      gather_stream(context, room_for_all(context, scratch, d_out), d_out, "embedding d_output");
  embedding_backward(context.exec, table.cleared_grad(context.exec), d_all, ids,
                     vocabulary_shard(table));
}

}  // namespace sy
