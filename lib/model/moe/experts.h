// The experts that live on this rank (docs/math-moe.md, "Experts"): E / expert_ranks feed-forward
// networks, each on the rows that were sent to it.
//   out = dropout(activation(in wi[e] [, in wi_linear[e]])) wo[e]
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct ExpertsParams {
  Param* wi = nullptr;         // [E, d_model, d_ff]
  Param* wi_linear = nullptr;  // [E, d_model, d_ff], geglu only
  Param* wo = nullptr;         // [E, d_ff, d_model]
};

// How the rows lie: by the rank they came from, then by local expert; R in all. With fixed capacity
// every pair has the same number; dropless, a count each.
struct ExpertRows {
  int64_t sources = 1;  // ranks that sent rows
  int64_t experts = 1;  // of this rank
  int64_t each = 0;     // rows of a pair, where `counts` is empty
  Tensor counts;        // int32 [sources, experts], host memory
  int64_t total = 0;    // R; while planning, the most there can be
};

// What backward needs; R is at most the planned number.
struct ExpertsSaved {
  Tensor in;         // [R, d_model]
  Tensor hidden;     // [R, d_ff] before the activation (relu: after it)
  Tensor linear;     // [R, d_ff], geglu only
  Tensor activated;  // [R, d_ff]; relu: the same memory as hidden
};

// Gradients between the two halves of backward.
struct ExpertsGrad {
  Tensor d_hidden;  // [R, d_ff]
  Tensor d_linear;  // [R, d_ff], geglu only
};

ExpertsParams experts_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model);
ExpertsSaved experts_plan(Arena& arena, const ModelSection& model, DType dtype, int64_t rows);

// out [R, d_model] is overwritten from saved.in, which the caller has filled. `dropout` is that of
// [R, d_ff] rows.
void experts_forward(Exec& exec, const ExpertsParams& params, ExpertsSaved& saved,
                     const ExpertRows& rows, Tensor out, Activation activation,
                     const Dropout& dropout);

// The halves of backward, apart so that d_in can travel while the second runs. First: d_in
// [R, d_model] is overwritten and may be d_out, wo's gradient accumulates, `grad` is taken from
// scratch. Second: wi's and wi_linear's accumulate.
ExpertsGrad experts_backward_input(Exec& exec, const ExpertsParams& params,
                                   const ExpertsSaved& saved, const ExpertRows& rows, Tensor d_in,
                                   Tensor d_out, Activation activation, const Dropout& dropout,
                                   ScratchScope& scratch);
void experts_backward_weights(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                              const ExpertRows& rows, const ExpertsGrad& grad);

}  // namespace sy
