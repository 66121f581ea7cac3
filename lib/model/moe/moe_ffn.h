// SPDX-License-Identifier: Apache-2.0
// The Switch sub-layer (Fedus et al. 2022, section 2; docs/math-moe.md):
//   out = x + dropout(gate * expert(norm(x)));  dropped and padding tokens: out = x
// Norm, routed experts (routing.h), residual. With experts.shared_expert every token, padding too,
// also takes a dense feed-forward layer (feed_forward.h), and
//   out = x + dropout(gate * expert(norm(x)) + shared(norm(x)))
// `rows` are as in attention.h.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/feed_forward.h"
#include "lib/model/moe/experts.h"
#include "lib/model/moe/routing.h"
#include "lib/model/param.h"

namespace sy {

struct MoeFfnParams {
  Param* norm = nullptr;  // [d_model]
  RoutingParams routing;
  ExpertsParams experts;
  FeedForwardParams shared;  // wi is nullptr without a shared expert
  struct Sites {
    uint32_t hidden = 0, output = 0;
  } sites;  // dropout inside the experts and of the output

  bool has_shared() const { return shared.wi != nullptr; }
};

struct MoeFfnSaved {
  Tensor x;       // [rows, d_model], view of the input; the caller keeps it until backward
  Tensor rstd;    // [rows]
  Tensor normed;  // [rows, d_model]
  RoutingSaved routing;
  ExpertsSaved experts;
  FeedForwardSaved shared;
};

MoeFfnParams moe_ffn_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                            LayerCounter& counter);
MoeFfnSaved moe_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// Overwrites out [rows, d_model] and `saved`; an empty `out` is not computed. x must be kept until
// backward and must not be out.
void moe_ffn_forward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                     Tensor out, Tensor x);
// d_x [rows, d_model] is overwritten, residual path included, and may be d_out. Gradients of the
// parameters accumulate. Includes the gradients of the load-balancing loss and the z-loss, scaled
// by their coefficients and step.group_scale.
void moe_ffn_backward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                      Tensor d_x, Tensor d_out);

}  // namespace sy
