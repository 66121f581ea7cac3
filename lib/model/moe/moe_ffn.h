// The Switch sub-layer (Fedus et al. 2022, section 2; docs/math-moe.md):
//   out = x + dropout(gate * expert(norm(x))), dropped and padding tokens: out = x
// router -> dispatch -> all-to-all -> experts -> all-to-all -> combine. With fixed capacity every
// collective has the same counts on every rank, whatever the routing.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/moe/experts.h"
#include "lib/model/moe/router.h"
#include "lib/model/param.h"

namespace sy {

struct MoeFfnParams {
  Param* norm = nullptr;  // [d_model]
  RouterParams router;
  ExpertsParams experts;
  DispatchLabels labels;
};

struct MoeFfnSaved {
  Tensor x;       // [T, d_model] view of the input, kept by the caller until backward
  Tensor rstd;    // [T]
  Tensor normed;  // [T, d_model]
  RouterSaved router;
  DispatchSaved dispatch;
  ExpertsSaved experts;
};

MoeFfnParams moe_ffn_params(ParamStore& store, const std::string& prefix,
                            const ModelSection& model);
MoeFfnSaved moe_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// out [T, d_model] and `saved` are overwritten; x must stay until backward and is not out.
void moe_ffn_forward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                     Tensor out, Tensor x, int sub_layer);
// Adds the counts to row `sparse_layer` of stats, and the losses (router_losses.h).
void moe_ffn_observe(const LayerContext& context, const MoeFfnSaved& saved, int sparse_layer,
                     RouterStats& stats);

// d_x [T, d_model] is overwritten (residual included) and may be d_out; parameters accumulate. Adds
// the gradients of the balance and z losses, scaled by their coefficients and step.group_scale.
void moe_ffn_backward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                      Tensor d_x, Tensor d_out, int sub_layer);

}  // namespace sy
