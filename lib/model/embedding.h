// SPDX-License-Identifier: Apache-2.0
// Token embedding, shared by both stacks (docs/math.md, "Embedding"): out = dropout(table[ids]).
// The table is not scaled. Its rows, the vocabulary, are sharded over the model ranks.
#pragma once

#include "kernels/vocabulary_shard.h"
#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

// "shared/embedding" [vocab, d_model], rows sharded, normal with std 1.
Param* embedding_params(ParamStore& store, const ModelSection& model);

// The ids whose rows of a [vocab, d_model] parameter this rank holds.
VocabularyShard vocabulary_shard(const Param& table);

// out [stream_rows(), d_model] (overwritten) = table[ids], without dropout; ids is int32 [T].
void embed_rows(const LayerContext& context, const Param& table, Tensor out, Tensor ids);

// out [stream_rows(), d_model] is overwritten; ids is int32 [T]. `site` is that of the dropout,
// which each stack has for itself.
void embed_forward(const LayerContext& context, const Param& table, Tensor out, Tensor ids,
                   uint32_t site);

// table.grad accumulates. d_out [stream_rows(), d_model] is overwritten with the gradient before
// the dropout.
void embed_backward(const LayerContext& context, Param& table, Tensor d_out, Tensor ids,
                    uint32_t site);

}  // namespace sy
