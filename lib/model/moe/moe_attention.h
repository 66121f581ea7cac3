// SPDX-License-Identifier: Apache-2.0
// Self-attention whose queries and keys come of experts (Fedus et al. 2022, appendix A;
// docs/math-moe.md, "Experts in attention"):
//   [q | k] = gate * expert(norm(x)),  q scaled by d_kv^-0.5,  the values are the keys
//   out = x + dropout(attend(q, k, k) o)
// A dropped or padding token has q = k = 0. The output projection is shared. Heads are sharded over
// the model ranks; the experts share out d_ff, as in a feed-forward layer, so each rank has the sum
// of the queries and keys of all heads and keeps its own. `rows` are as in attention.h.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/moe/experts.h"
#include "lib/model/moe/routing.h"
#include "lib/model/param.h"

namespace sy {

struct MoeAttentionParams {
  Param* norm = nullptr;  // [d_model]
  RoutingParams routing;
  ExpertsParams experts;           // with 2 H d_kv outputs: first q of all heads, then k
  Param* o = nullptr;              // [H * d_kv, d_model], rows sharded
  Param* relative_bias = nullptr;  // [buckets, H], columns sharded, shared by the stack
  bool causal = false;             // in the decoder
  struct Sites {
    uint32_t hidden = 0, probs = 0, output = 0;
  } sites;  // dropout inside the experts, of the attention weights and of the output
};

// What backward needs; H is the number of this rank's heads.
struct MoeAttentionSaved {
  Tensor x;       // [rows, d_model], view of the input; the caller keeps it until backward
  Tensor rstd;    // [rows]
  Tensor normed;  // [rows, d_model]
  RoutingSaved routing;
  ExpertsSaved experts;
  Tensor q, k;      // [B, L, H, d_kv]
  Tensor log_sum;   // [B, H, L]
  Tensor attended;  // [B, L, H, d_kv]
};

// The caller sets relative_bias and causal.
MoeAttentionParams moe_attention_params(ParamStore& store, const std::string& prefix,
                                        const ModelSection& model, LayerCounter& counter);
MoeAttentionSaved moe_attention_plan(Arena& arena, const ModelSection& model,
                                     const LayerDims& dims);

// Overwrites q and k [T, H * d_kv] of this rank's heads, and saved.x, rstd, normed, routing and
// experts. x is as in forward.
void moe_attention_project(const LayerContext& context, const MoeAttentionParams& params,
                           MoeAttentionSaved& saved, Tensor q, Tensor k, Tensor x);

// Overwrites out [rows, d_model] and `saved`. x must be kept until backward and must not be out.
void moe_attention_forward(const LayerContext& context, const MoeAttentionParams& params,
                           MoeAttentionSaved& saved, Tensor out, Tensor x);
// d_x [rows, d_model] is overwritten, residual path included, and may be d_out. Gradients of the
// parameters, relative bias included, accumulate. Includes the gradients of the auxiliary losses,
// as moe_ffn_backward() does.
void moe_attention_backward(const LayerContext& context, const MoeAttentionParams& params,
                            MoeAttentionSaved& saved, Tensor d_x, Tensor d_out);

}  // namespace sy
