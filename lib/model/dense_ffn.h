// SPDX-License-Identifier: Apache-2.0
// The dense feed-forward sub-layer (docs/math.md, "Feed-forward"):
//   out = x + dropout(feed_forward(norm(x)))
// All layers follow this pattern: parameters, saved tensors, plan, forward, backward.
#pragma once

#include <string>

#include "lib/model/feed_forward.h"

namespace sy {

struct DenseFfnParams {
  Param* norm = nullptr;  // [d_model]
  FeedForwardParams inner;
  uint32_t output_site = 0;  // dropout of the output
};

// What backward needs; `rows` are as in attention.h.
struct DenseFfnSaved {
  Tensor x;       // [rows, d_model], view of the input; the caller keeps it until backward
  Tensor rstd;    // [rows]
  Tensor normed;  // [rows, d_model]
  FeedForwardSaved inner;
};

DenseFfnParams dense_ffn_params(ParamStore& store, const std::string& prefix,
                                const ModelSection& model);
DenseFfnSaved dense_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// out [rows, d_model] is overwritten, or not computed if it is empty. x [rows, d_model] must be
// kept until backward and must not be out.
void dense_ffn_forward(const LayerContext& context, const DenseFfnParams& params,
                       DenseFfnSaved& saved, Tensor out, Tensor x);

// d_x [rows, d_model] is overwritten, residual path included, and may be d_out. Gradients of the
// parameters accumulate.
void dense_ffn_backward(const LayerContext& context, const DenseFfnParams& params,
                        const DenseFfnSaved& saved, Tensor d_x, Tensor d_out);

}  // namespace sy
