// SPDX-License-Identifier: Apache-2.0
// The attention sub-layers (docs/math.md, "Attention"):
//   out = x + dropout(attend(norm(x) q, source k, source v) o)
// where source is norm(x) itself (self-attention) or the encoder's output (cross-attention). Heads
// are sharded over the model ranks. `rows` are the T of a micro-batch or, with
// mesh.sequence_parallel, this rank's part of them (model_axis.h), here and in the other layers.
#pragma once

#include <string>

#include "kernels/attention/attention.h"
#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct AttentionParams {
  Param* norm = nullptr;           // [d_model]
  Param* q = nullptr;              // [d_model, H * d_kv], columns sharded
  Param* k = nullptr;              // [d_model, H * d_kv], columns sharded
  Param* v = nullptr;              // [d_model, H * d_kv], columns sharded
  Param* o = nullptr;              // [H * d_kv, d_model], rows sharded
  Param* relative_bias = nullptr;  // [buckets, H], columns sharded, shared by the stack; nullptr in
                                   // cross-attention
  bool causal = false;             // decoder self-attention
  struct Sites {
    uint32_t probs = 0, output = 0;
  } sites;  // dropout of the attention weights and of the output
};

// The kernel's arguments in a self-attention layer: this rank's heads, the ranges of packed rows,
// and the dropout of the attention weights, drawn at `probs_site`.
AttentionSpec attention_spec(const LayerContext& context, bool causal, uint32_t probs_site);
// Views [B, L, H, d_kv] as [B * L, H * d_kv].
Tensor merged_heads(Tensor heads);
// The first elements of what was planned, seen as a tensor of this micro-batch, which may have
// fewer and shorter sequences.
Tensor beginning_of(Tensor planned, const Shape& shape);

// What backward needs; H is the number of this rank's heads.
struct AttentionSaved {
  Tensor x;       // [rows, d_model], view of the input; the caller keeps it until backward
  Tensor rstd;    // [rows]
  Tensor normed;  // [rows, d_model]
  // Queries, keys and values, one after another in `projected`, so that one product computes
  // several of them.
  Tensor projected;
  Tensor q;         // [B, L, H, d_kv]
  Tensor k;         // [B, source length, H, d_kv]
  Tensor v;         // as k
  Tensor log_sum;   // [B, H, L]
  Tensor attended;  // [B, L, H, d_kv]
};

// The sequences that keys and values are computed from: in cross-attention, the encoder output.
struct AttentionSource {
  Tensor rows;     // [B * source length, d_model]
  Tensor lengths;  // int32 [B], padding not counted
  // Of packed rows: for each place, the range of its example in the sequences that attend to it
  // (lib/data/batch.h).
  Tensor other_ranges = {};
};

// For self-attention, the caller sets relative_bias and causal.
AttentionParams attention_params(ParamStore& store, const std::string& prefix,
                                 const ModelSection& model);
// source_length is the length of the key and value sequences; dims.length in self-attention.
AttentionSaved attention_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t source_length);

// out [rows, d_model] is overwritten. x [rows, d_model] must be kept until backward and must not be
// out.
void self_attention_forward(const LayerContext& context, const AttentionParams& params,
                            AttentionSaved& saved, Tensor out, Tensor x);

// d_x [rows, d_model] is overwritten, residual path included, and may be d_out. Gradients of the
// parameters, relative bias included, accumulate.
void self_attention_backward(const LayerContext& context, const AttentionParams& params,
                             const AttentionSaved& saved, Tensor d_x, Tensor d_out);

// As above. encoder_output must be kept until backward.
void cross_attention_forward(const LayerContext& context, const AttentionParams& params,
                             AttentionSaved& saved, Tensor out, Tensor x,
                             const AttentionSource& encoder_output);

// As above. d_encoder_output, of the shape of encoder_output.rows, accumulates; it is this rank's
// part of a sum over the model ranks, which the caller takes once all layers have added to it.
void cross_attention_backward(const LayerContext& context, const AttentionParams& params,
                              const AttentionSaved& saved, Tensor d_x, Tensor d_encoder_output,
                              Tensor d_out, const AttentionSource& encoder_output);

}  // namespace sy
