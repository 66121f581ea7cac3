// A stack of blocks, the encoder or the decoder: embedding, blocks, final norm, dropout. How stacks
// differ is their spec.
#pragma once

#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/data/batch.h"
#include "lib/model/block.h"
#include "lib/model/grad_ready.h"

namespace sy {

struct StackSpec {
  std::string name;          // begins the names of its parameters
  size_t stream = kEncoder;  // of a batch: what it reads
  Stack stack = Stack::encoder;
  int64_t layers = 0;          // blocks
  bool causal = false;         // a token sees none after it
  bool cross = false;          // attends to another stack's output
  Param* embedding = nullptr;  // shared by both stacks
};

StackSpec encoder_spec(const ModelSection& model, Param* embedding);
StackSpec decoder_spec(const ModelSection& model, Param* embedding);

struct StackParams {
  size_t stream = kEncoder;        // its spec's
  Param* embedding = nullptr;      // its spec's
  Param* relative_bias = nullptr;  // [buckets, H], shared by the stack's blocks
  std::vector<BlockParams> blocks;
  Param* final_norm = nullptr;  // [d_model]
  int routed_layers = 0;        // of the stack
  struct Sites {
    uint32_t embedding = 0, final_norm = 0;
  } sites;  // of its dropout
};

struct StackSaved {
  Tensor embedded;  // [T, d_model], after the dropout
  std::vector<BlockSaved> blocks;
  StackShares shares;  // the context's
  Tensor x;            // [T, d_model], view of the final norm's input
  Tensor rstd;         // [T], the final norm's
  Tensor out;          // [T, d_model], the stack's output
};

StackParams stack_params(ParamStore& store, const ModelSection& model, const StackSpec& spec,
                         LayerCounter& counter);
StackSaved stack_plan(Arena& arena, const ModelSection& model, const StackParams& params,
                      const LayerDims& dims, int64_t source_length);

// Returns the output [T, d_model], a view of saved.out. ids int32 [T]; memory is what
// cross-attention reads, if there is any. Overwrites `saved` and counts nothing.
Tensor stack_forward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                     Tensor ids, const AttentionSource& memory);

// Adds what the routers of the stack's last forward counted, and their losses, to the step's
// statistics: once a micro-batch, before its backward. context.stack_shares are saved's, here and
// in backward.
void stack_observe(const LayerContext& context, const StackParams& params, const StackSaved& saved,
                   RouterStats& stats);

// d_out [T, d_model] is the gradient of the output and is used up. Parameters accumulate, and in
// the decoder d_memory.
void stack_backward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                    Tensor d_out, Tensor d_memory, Tensor ids, const AttentionSource& memory,
                    GradProgress& progress);

}  // namespace sy
