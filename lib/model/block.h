// One block of a stack: self-attention, in some stacks also cross-attention, and a feed-forward
// sub-layer, dense or sparse. Each sub-layer adds to the residual stream and writes it afresh, so
// that backward finds every sub-layer's input.
#pragma once

#include <string>

#include "lib/model/attention.h"
#include "lib/model/dense_ffn.h"
#include "lib/model/moe/moe_ffn.h"

namespace sy {

struct BlockParams {
  AttentionParams self_attention;
  AttentionParams cross_attention;  // norm is nullptr where the stack has none
  bool sparse = false;              // which of the two below is used
  DenseFfnParams dense;
  MoeFfnParams moe;

  bool has_cross_attention() const { return cross_attention.norm != nullptr; }
  int first_param() const { return self_attention.norm->number; }
};

struct BlockSaved {
  AttentionSaved self_attention;
  AttentionSaved cross_attention;
  DenseFfnSaved dense;
  MoeFfnSaved moe;
  Tensor after_self;   // [T, d_model], the stream after each sub-layer
  Tensor after_cross;  // [T, d_model], with cross-attention only
  Tensor out;          // [T, d_model]
};

// Where a block stands; what of BlockParams is not a parameter.
struct BlockPlace {
  bool sparse = false;             // the feed-forward layer has experts
  bool causal = false;             // self-attention sees no later token
  bool cross = false;              // with cross-attention
  Param* relative_bias = nullptr;  // the stack's
};

// prefix is "STACK/layers/I".
BlockParams block_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                         const BlockPlace& place, LayerCounter& counter);
// source_length is the encoder's, for cross-attention.
BlockSaved block_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                      const LayerDims& dims, int64_t source_length);

// Returns the stream after the block, a view of saved.out. x [T, d_model] must stay until backward;
// memory is the encoder's output (unused in the encoder). Overwrites `saved` and nothing else, so
// that a second run from the same x leaves what the first one did.
Tensor block_forward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                     Tensor x, const AttentionSource& memory);
// Adds what the block's router counted to the step's statistics, if it has one.
void block_observe(const LayerContext& context, const BlockParams& params, const BlockSaved& saved,
                   RouterStats& stats);

// d_stream [T, d_model] is the gradient of the block's output and becomes that of its input, in
// place. Parameters accumulate, and in the decoder d_memory.
void block_backward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                    Tensor d_stream, Tensor d_memory, const AttentionSource& memory);

}  // namespace sy
