// SPDX-License-Identifier: Apache-2.0
// The experts of this rank (docs/math-moe.md, "Experts"): E / expert_ranks feed-forward networks,
// each applied to the rows that were dispatched to it.
//   out = dropout(activation(in wi[e] [, in wi_linear[e]])) wo[e],   or linear:   out = in wo[e]
// Outputs have d_model columns, or others (those of attention).
// d_ff is sharded over the model ranks: each computes a part of the sum that is `out`, and of the
// gradient of `in`. The caller takes the sums (routing.h).
#pragma once

#include <string>
#include <vector>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct ExpertsParams {
  Param* wi = nullptr;         // [E, d_model, d_ff], columns sharded; nullptr if linear
  Param* wi_linear = nullptr;  // [E, d_model, d_ff], columns sharded; geglu only
  Param* wo = nullptr;         // [E, d_ff, outputs], rows sharded; linear: [E, d_model, outputs]

  bool is_linear() const { return wi == nullptr; }
};

// What the experts of a layer compute.
struct ExpertShape {
  int64_t outputs = 0;       // columns of their outputs; 0: d_model
  bool linear = false;       // only on one model rank: there is no inner dimension to shard
  const char* last = "/wo";  // the name of the last matrix
};

// Rows [first, first + total) of the R rows of a rank: those of the experts from first_expert on,
// grouped by expert. With fixed capacity all experts have the same number of rows. Dropless, each
// has what the ranks sent it, and unused rows may follow.
struct ExpertRows {
  int64_t first_expert = 0;  // index among the experts of this rank
  int64_t experts = 1;
  int64_t first = 0;
  int64_t total = 0;            // the maximum while planning
  int64_t each = 0;             // fixed capacity: rows per expert
  Tensor sources;               // dropless: int32 [expert_ranks, E], in the exec's memory
  std::vector<int32_t> counts;  // dropless: [experts], if the host knows them

  bool ragged() const { return !sources.empty(); }
};

// What backward needs. R is at most the planned number; d_ff is this rank's share. If the inner
// activations, which are the last three, are not kept, they are empty here, and forward and
// backward each have them in scratch (with_inner()).
struct ExpertsSaved {
  Tensor in;         // [R, d_model]
  Tensor hidden;     // [R, d_ff] before the activation (relu: after it)
  Tensor linear;     // [R, d_ff], geglu only
  Tensor activated;  // [R, d_ff]; relu: the same memory as hidden; linear: as in

  bool keeps_inner() const { return !hidden.empty(); }
};

// Gradients passed between the two halves of backward, for all R rows.
struct ExpertsGrad {
  Tensor d_hidden;           // [R, d_ff]
  Tensor d_linear;           // [R, d_ff], geglu only
  bool adds_weights = true;  // to the weights' gradients, rather than overwriting them
};

ExpertsParams experts_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model, const ExpertShape& shape = {});
// keep_inner must be false if the experts are linear.
ExpertsSaved experts_plan(Arena& arena, const ModelSection& model, DType dtype, int64_t rows,
                          int model_ranks = 1, bool keep_inner = true);

// `saved` with memory for the inner activations of `rows`, all of this rank's: its own or, if they
// are not kept, from `scratch`.
ExpertsSaved with_inner(const ExpertsParams& params, const ExpertsSaved& saved,
                        const ExpertRows& rows, Activation activation, ScratchScope& scratch);

// Overwrites the given rows of the inner activations from those of saved.in, which the caller has
// filled. `dropout` is that of [R, d_ff] rows.
void experts_inner(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                   const ExpertRows& rows, Activation activation, const Dropout& dropout);
// Then also the same rows of out [R, outputs].
void experts_forward(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                     const ExpertRows& rows, Tensor out, Activation activation,
                     const Dropout& dropout);

// Begins backward of the given rows: all of this rank's, whatever parts they are computed in.
ExpertsGrad experts_grad(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                         const ExpertRows& rows, ScratchScope& scratch);

// Backward in two halves, so that d_in can be sent while the second runs. The first overwrites the
// given rows of d_in [R, d_model], which may be d_out [R, outputs] unless linear, and of grad, and
// accumulates the gradient of wo. The second accumulates those of wi and wi_linear.
void experts_backward_input(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                            const ExpertRows& rows, Tensor d_in, Tensor d_out,
                            const ExpertsGrad& grad, Activation activation, const Dropout& dropout);
void experts_backward_weights(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                              const ExpertRows& rows, const ExpertsGrad& grad);

}  // namespace sy
