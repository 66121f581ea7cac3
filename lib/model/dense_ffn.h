// SPDX-License-Identifier: Apache-2.0
// The dense feed-forward sub-layer (docs/math.md, "Feed-forward"):
//   out = x + dropout(activation(norm(x) wi [, norm(x) wi_linear]) wo)
// d_ff is sharded over the model ranks.
// All layers follow this pattern: parameters, saved tensors, plan, forward, backward.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct DenseFfnParams {
  Param* norm = nullptr;       // [d_model]
  Param* wi = nullptr;         // [d_model, d_ff], columns sharded
  Param* wi_linear = nullptr;  // [d_model, d_ff], columns sharded; geglu only
  Param* wo = nullptr;         // [d_ff, d_model], rows sharded
  struct Sites {
    uint32_t hidden = 0, output = 0;
  } sites;  // dropout after the activation and of the output
};

// What backward needs; d_ff is this rank's share, and `rows` are as in attention.h.
struct DenseFfnSaved {
  Tensor x;          // [rows, d_model], view of the input; the caller keeps it until backward
  Tensor rstd;       // [rows]
  Tensor normed;     // [rows, d_model]
  Tensor hidden;     // [T, d_ff] before the activation (relu: after it)
  Tensor linear;     // [T, d_ff], geglu only
  Tensor activated;  // [T, d_ff]; relu: the same memory as hidden
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
