// Token embedding, shared by both stacks (docs/math.md, "Embedding"): out = dropout(table[ids]).
// The table is not scaled.
#pragma once

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

// "shared/embedding" [vocab, d_model], normal with std 1.
Param* embedding_params(ParamStore& store, const ModelSection& model);

// out [T, d_model] is overwritten; ids int32 [T]. sub_layer is the first of the stack that reads
// it.
void embed_forward(const LayerContext& context, const Param& table, Tensor out, Tensor ids,
                   int sub_layer);

// table.grad accumulates. d_out [T, d_model] is changed in place: afterwards it is the gradient
// before the dropout.
void embed_backward(const LayerContext& context, Param& table, Tensor d_out, Tensor ids,
                    int sub_layer);

}  // namespace sy
