// The attention sub-layers (docs/math.md, "Attention"):
//   out = x + dropout(attend(norm(x) q, source k, source v) o)
// where source is norm(x) itself (self-attention) or the encoder's output (cross-attention).
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct AttentionParams {
  Param* norm = nullptr;           // [d_model]
  Param* q = nullptr;              // [d_model, H * d_kv]
  Param* k = nullptr;              // [d_model, H * d_kv]
  Param* v = nullptr;              // [d_model, H * d_kv]
  Param* o = nullptr;              // [H * d_kv, d_model]
  Param* relative_bias = nullptr;  // [buckets, H], the stack's own; nullptr in cross-attention
  bool causal = false;             // decoder self-attention
  struct Sites {
    uint32_t probs = 0, output = 0;
  } sites;  // of the dropout of the weights, and of what joins the residual stream
};

// What backward needs.
struct AttentionSaved {
  Tensor x;         // [T, d_model] view of the input, kept by the caller until backward
  Tensor rstd;      // [T]
  Tensor normed;    // [T, d_model]
  Tensor q;         // [B, L, H, d_kv]
  Tensor k;         // [B, source length, H, d_kv]
  Tensor v;         // as k
  Tensor log_sum;   // [B, H, L]
  Tensor attended;  // [B, L, H, d_kv]
};

// The sequences that keys and values come from; in cross-attention, the encoder's output.
struct AttentionSource {
  Tensor rows;     // [B * source length, d_model]
  Tensor lengths;  // int32 [B], without the padding
};

// relative_bias and causal are the caller's to set for self-attention.
AttentionParams attention_params(ParamStore& store, const std::string& prefix,
                                 const ModelSection& model);
// source_length is the length of the keys' sequences: dims.length in self-attention.
AttentionSaved attention_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t source_length);

// out [T, d_model] is overwritten; x [T, d_model] must stay until backward and is not out.
void self_attention_forward(const LayerContext& context, const AttentionParams& params,
                            AttentionSaved& saved, Tensor out, Tensor x);

// d_x [T, d_model] is overwritten (residual included) and may be d_out; parameters, the relative
// bias among them, accumulate.
void self_attention_backward(const LayerContext& context, const AttentionParams& params,
                             const AttentionSaved& saved, Tensor d_x, Tensor d_out);

// As above; memory, the encoder's output, must stay until backward.
void cross_attention_forward(const LayerContext& context, const AttentionParams& params,
                             AttentionSaved& saved, Tensor out, Tensor x,
                             const AttentionSource& memory);

// As above; d_memory (shape of memory.rows) accumulates.
void cross_attention_backward(const LayerContext& context, const AttentionParams& params,
                              const AttentionSaved& saved, Tensor d_x, Tensor d_memory,
                              Tensor d_out, const AttentionSource& memory);

}  // namespace sy
