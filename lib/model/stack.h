// SPDX-License-Identifier: Apache-2.0
// A stack of blocks, the encoder or the decoder: embedding, blocks, final norm, dropout. A
// StackSpec describes how the two differ.
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
  Tensor embedded;  // [T, d_model], after the dropout
  std::vector<BlockSaved> blocks;
  StackShares shares;  // passed on in LayerContext
  Tensor x;            // [T, d_model], view of the input of the final norm
  Tensor rstd;         // [T], of the final norm
  Tensor out;          // [T, d_model], the stack's output
};

StackParams stack_params(ParamStore& store, const ModelSection& model, const StackSpec& spec,
                         LayerCounter& counter);
StackSaved stack_plan(Arena& arena, const ModelSection& model, const StackParams& params,
                      const LayerDims& dims, int64_t source_length);

// Returns the output [T, d_model], a view of saved.out. ids is int32 [T]. encoder_output is read by
// cross-attention, if there is any. Overwrites `saved`; statistics are not counted here. Calls
// `needed` before each block.
Tensor stack_forward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                     Tensor ids, const AttentionSource& encoder_output,
                     const ValuesNeeded& needed = {});

// Adds the counts and losses of the stack's routers, as the last forward left them, to the
// statistics of the step. To be called once per micro-batch, between forward and backward. Here and
// in backward, context.stack_shares must be saved.shares.
void stack_observe(const LayerContext& context, const StackParams& params, const StackSaved& saved,
                   RouterStats& stats);

// d_out [T, d_model] is the gradient of the output; it is overwritten. Gradients of the parameters
// accumulate, and in the decoder d_encoder_output, of which each model rank has a part.
void stack_backward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                    Tensor d_out, Tensor d_encoder_output, Tensor ids,
                    const AttentionSource& encoder_output, GradProgress& progress);

}  // namespace sy
