// The experts that live on this rank (docs/math-moe.md, "Experts"): E / expert_ranks feed-forward
// networks, each on the rows that were sent to it.
//   out = dropout(activation(in wi[e] [, in wi_linear[e]])) wo[e]
#pragma once

#include <string>
#include <vector>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct ExpertsParams {
  Param* wi = nullptr;         // [E, d_model, d_ff]
  Param* wi_linear = nullptr;  // [E, d_model, d_ff], geglu only
  Param* wo = nullptr;         // [E, d_ff, d_model]
};

// Rows [first, first + total) of the R that a rank has: those of the experts from first_expert on,
// one expert's after another's. With fixed capacity all have the same number; dropless, each what
// the ranks have sent it, and behind them there may be rows of none.
struct ExpertRows {
  int64_t first_expert = 0;  // of this rank's
  int64_t experts = 1;
  int64_t first = 0;
  int64_t total = 0;            // while planning, the most there can be
  int64_t each = 0;             // of an expert, with fixed capacity
  Tensor sources;               // dropless: int32 [expert_ranks, E], of the exec's memory
  std::vector<int32_t> counts;  // dropless: [experts], where the host knows them

  bool ragged() const { return !sources.empty(); }
};

// What backward needs; R is at most the planned number.
struct ExpertsSaved {
  Tensor in;         // [R, d_model]
  Tensor hidden;     // [R, d_ff] before the activation (relu: after it)
  Tensor linear;     // [R, d_ff], geglu only
  Tensor activated;  // [R, d_ff]; relu: the same memory as hidden
};

// Gradients between the two halves of backward, of all R rows.
struct ExpertsGrad {
  Tensor d_hidden;  // [R, d_ff]
  Tensor d_linear;  // [R, d_ff], geglu only
};

ExpertsParams experts_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model);
ExpertsSaved experts_plan(Arena& arena, const ModelSection& model, DType dtype, int64_t rows);

// The given rows of out [R, d_model] are overwritten from saved.in, which the caller has filled.
// `dropout` is that of [R, d_ff] rows.
void experts_forward(Exec& exec, const ExpertsParams& params, ExpertsSaved& saved,
                     const ExpertRows& rows, Tensor out, Activation activation,
                     const Dropout& dropout);

ExpertsGrad experts_grad(const ExpertsParams& params, const ExpertsSaved& saved, int64_t rows,
                         ScratchScope& scratch);

// The halves of backward, apart so that d_in can travel while the second runs. First: of the given
// rows, d_in [R, d_model] is overwritten and may be d_out, and so is grad; wo's gradient
// accumulates. Second: wi's and wi_linear's accumulate.
void experts_backward_input(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                            const ExpertRows& rows, Tensor d_in, Tensor d_out,
                            const ExpertsGrad& grad, Activation activation, const Dropout& dropout);
void experts_backward_weights(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                              const ExpertRows& rows, const ExpertsGrad& grad);

}  // namespace sy
