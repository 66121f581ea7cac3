// SPDX-License-Identifier: Apache-2.0
// The two matrices of a feed-forward layer and what lies between them (docs/math.md,
// "Feed-forward"), without norm and residual:
//   y = dropout(activation(n wi [, n wi_linear])) wo
// for a dense sub-layer (dense_ffn.h) and for the shared expert of a sparse one (moe/moe_ffn.h).
// d_ff is sharded over the model ranks. `rows` are as in attention.h.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct FeedForwardParams {
  Param* wi = nullptr;         // [d_model, d_ff], columns sharded
  Param* wi_linear = nullptr;  // [d_model, d_ff], columns sharded; geglu only
  Param* wo = nullptr;         // [d_ff, d_model], rows sharded
  uint32_t hidden_site = 0;    // dropout after the activation

  int64_t d_ff() const { return wi->shape[1]; }
};

// What backward needs; d_ff is this rank's share.
struct FeedForwardSaved {
  Tensor hidden;     // [T, d_ff] before the activation (relu: after it)
  Tensor linear;     // [T, d_ff], geglu only
  Tensor activated;  // [T, d_ff]; relu: the same memory as hidden
};

FeedForwardParams feed_forward_params(ParamStore& store, const std::string& prefix,
                                      const ModelSection& model, int64_t d_ff);
FeedForwardSaved feed_forward_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                                   int64_t d_ff);

// Overwrites `saved` and returns its rows of `activated`, whose product with wo, summed over the
// model ranks, is y. normed [rows, d_model] must be kept until backward.
Tensor feed_forward_inner(const LayerContext& context, const FeedForwardParams& params,
                          const FeedForwardSaved& saved, Tensor normed);

// d_normed [rows, d_model] is overwritten and may be d_y [rows, d_model]. Gradients of the
// parameters accumulate.
void feed_forward_backward(const LayerContext& context, const FeedForwardParams& params,
                           const FeedForwardSaved& saved, Tensor d_normed, Tensor d_y,
                           Tensor normed);

}  // namespace sy
