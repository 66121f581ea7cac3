// SPDX-License-Identifier: Apache-2.0
// A stack of blocks, the encoder or the decoder: embedding, blocks, final norm, dropout. A
// StackSpec describes how the two differ. `rows` are as in attention.h.
#pragma once

#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/data/batch.h"
#include "lib/model/block.h"
#include "lib/model/grad_ready.h"
#include "lib/model/values_needed.h"

namespace sy {

struct StackSpec {
  std::string name;          // prefix of its parameter names
  size_t stream = kEncoder;  // the stream of a batch that it reads
  Stack stack = Stack::encoder;
  int64_t layers = 0;          // number of blocks
  bool causal = false;         // self-attention sees no later token
  bool cross = false;          // has cross-attention to the encoder output
  Param* embedding = nullptr;  // shared by both stacks
};

StackSpec encoder_spec(const ModelSection& model, Param* embedding);
StackSpec decoder_spec(const ModelSection& model, Param* embedding);

struct StackParams {
  size_t stream = kEncoder;        // from the spec
  Param* embedding = nullptr;      // from the spec
  Param* relative_bias = nullptr;  // [buckets, H], columns sharded; shared by the stack's blocks
  std::vector<BlockParams> blocks;
  Param* final_norm = nullptr;  // [d_model]
  int routed_layers = 0;        // number of routed layers in the stack
  // Blocks up to this one have parameters numbered below.
  int end_of_block(size_t block) const {
    return block + 1 < blocks.size() ? blocks[block + 1].first_param() : final_norm->number;
  }
  struct Sites {
    uint32_t embedding = 0, final_norm = 0;
  } sites;  // of dropout
};

struct StackSaved {
  // [rows, d_model] each: the input of every block, the first of which is the embeddings after
  // dropout, and that of the final norm.
  std::vector<Tensor> streams;
  // With Recompute::blocks they share memory: after forward only that of the last is filled.
  std::vector<BlockSaved> blocks;
  bool blocks_share = false;
  StackShares shares;  // passed on in LayerContext
  Tensor rstd;         // [rows], of the final norm
  Tensor out;          // [T, d_model], the stack's output, whole on every model rank
};

StackParams stack_params(ParamStore& store, const ModelSection& model, const StackSpec& spec,
                         LayerCounter& counter);
StackSaved stack_plan(Arena& arena, const ModelSection& model, const StackParams& params,
                      const LayerDims& dims, int64_t source_length);

// Returns the output [T, d_model], a view of saved.out. ids is int32 [T]. encoder_output is read by
// cross-attention, if there is any. Overwrites `saved`. Adds the counts and losses of the stack's
// routers to *counted, unless it is null; backward may follow only if they were. Here and in
// backward, context.stack_shares must be saved.shares. Calls `needed` before each block.
Tensor stack_forward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                     Tensor ids, const AttentionSource& encoder_output, RouterStats* counted,
                     const ValuesNeeded& needed = {});

// d_out [rows, d_model] is the gradient of the output; it is overwritten. Gradients of the
// parameters accumulate, and in the decoder d_encoder_output, of which each model rank has a part.
// If blocks share memory, runs each but the last again before its backward.
void stack_backward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                    Tensor d_out, Tensor d_encoder_output, Tensor ids,
                    const AttentionSource& encoder_output, GradProgress& progress);

}  // namespace sy
