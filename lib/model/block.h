// SPDX-License-Identifier: Apache-2.0
// One block of a stack: dense or sparse self-attention, cross-attention in the decoder, and a dense
// or sparse feed-forward sub-layer. Each sub-layer writes the residual stream to a new tensor, so
// that backward finds the input of every sub-layer. `rows` are as in attention.h.
#pragma once

#include <string>

#include "lib/model/attention.h"
#include "lib/model/dense_ffn.h"
#include "lib/model/moe/moe_attention.h"
#include "lib/model/moe/moe_ffn.h"

namespace sy {

struct BlockParams {
  bool sparse_attention = false;  // selects one of the next two
  AttentionParams self_attention;
  MoeAttentionParams moe_attention;
  AttentionParams cross_attention;  // norm is nullptr if the stack has none
  bool sparse = false;              // selects one of the next two
  DenseFfnParams dense;
  MoeFfnParams moe;

  bool has_cross_attention() const { return cross_attention.norm != nullptr; }
  int first_param() const {
    return (sparse_attention ? moe_attention.norm : self_attention.norm)->number;
  }
};

struct BlockSaved {
  AttentionSaved self_attention;
  MoeAttentionSaved moe_attention;
  AttentionSaved cross_attention;
  DenseFfnSaved dense;
  MoeFfnSaved moe;
  Tensor after_self;   // [rows, d_model], the residual stream after self-attention
  Tensor after_cross;  // [rows, d_model], after cross-attention, if there is one
};

// How a block differs from others, fixed at declaration.
struct BlockSpec {
  bool sparse = false;             // the feed-forward layer has experts
  bool sparse_attention = false;   // self-attention has
  bool causal = false;             // self-attention sees no later token
  bool cross = false;              // has cross-attention
  Param* relative_bias = nullptr;  // the stack's
};

// prefix is "STACK/layers/I".
BlockParams block_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                         const BlockSpec& spec, LayerCounter& counter);
// source_length is the length of encoder sequences, for cross-attention.
BlockSaved block_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                      const LayerDims& dims, int64_t source_length);

// Overwrites out [rows, d_model], the residual stream after the block, and `saved`; has no other
// effect, so that running it again from the same x reproduces the same state. An empty `out` is not
// computed. x [rows, d_model] must be kept until backward and must not be out. encoder_output is
// unused in the encoder.
void block_forward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                   Tensor out, Tensor x, const AttentionSource& encoder_output);
// Adds the statistics of the block's routers to those of the step.
void block_observe(const LayerContext& context, const BlockParams& params, const BlockSaved& saved,
                   RouterStats& stats);
// After a step: update_router_bias() of the block's routers by RouterStats::counts.
void block_update_biases(Exec& exec, const ModelSection& model, const BlockParams& params,
                         Tensor counts, Tensor apply);

// d_stream [rows, d_model] holds the gradient of the block's output and is replaced by that of its
// input. Gradients of the parameters accumulate, and in the decoder d_encoder_output, of which each
// model rank has a part.
void block_backward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                    Tensor d_stream, Tensor d_encoder_output,
                    const AttentionSource& encoder_output);

}  // namespace sy
