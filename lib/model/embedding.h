// SPDX-License-Identifier: Apache-2.0
// Token embedding, shared by both stacks (docs/math.md, "Embedding"): out = dropout(table[ids]).
// The table is not scaled.
#pragma once

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

// "shared/embedding" [vocab, d_model], normal with std 1.
Param* embedding_params(ParamStore& store, const ModelSection& model);

// out [T, d_model] is overwritten; ids is int32 [T]. `site` is that of the dropout, which each
// stack has for itself.
void embed_forward(const LayerContext& context, const Param& table, Tensor out, Tensor ids,
                   uint32_t site);

// table.grad accumulates. d_out [T, d_model] is overwritten with the gradient before the dropout.
void embed_backward(const LayerContext& context, Param& table, Tensor d_out, Tensor ids,
                    uint32_t site);

}  // namespace sy
