// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/experts.h"

#include "kernels/activation/activation.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/grouped_gemm.h"
#include "lib/base/numeric.h"
#include "lib/model/initialisation.h"

namespace sy {
namespace {

RowGroups groups_of(const ExpertRows& rows) {
  return {rows.sources, rows.first_expert, rows.experts, rows.counts};
}

// Fixed capacity: views the rows as a batch, one matrix per expert.
Tensor by_expert(const ExpertRows& rows, Tensor tensor) {
  return tensor.view({rows.experts, rows.each, tensor.cols()});
}

// y = x w, or x w^T with transpose_b, for each expert.
void multiply(Exec& exec, const ExpertRows& rows, Tensor y, Tensor x, Tensor w,
              GemmOptions options = {}) {
  const Tensor weights = w.slice(rows.first_expert, rows.experts);
  if (rows.ragged()) return grouped_gemm(exec, y, x, weights, groups_of(rows), options);
  gemm(exec, by_expert(rows, y), by_expert(rows, x), weights, options);
}

// w.grad = or += x^T d_y, for each expert.
void put_weight(Exec& exec, const ExpertRows& rows, const Param& w, Tensor d_y, Tensor x,
                bool adds) {
  const GemmOptions options{.transpose_a = true, .accumulate = adds};
  const Tensor grad = w.grad.slice(rows.first_expert, rows.experts);
  if (rows.ragged()) return grouped_gemm(exec, grad, x, d_y, groups_of(rows), options);
  gemm(exec, grad, by_expert(rows, x), by_expert(rows, d_y), options);
}

// The view of the given rows.
Tensor used(Tensor tensor, const ExpertRows& rows) {
  return tensor.empty() ? Tensor() : tensor.slice(rows.first, rows.total);
}
ExpertsSaved used(const ExpertsSaved& saved, const ExpertRows& rows) {
  return {used(saved.in, rows), used(saved.hidden, rows), used(saved.linear, rows),
          used(saved.activated, rows)};
}
ExpertsGrad used(const ExpertsGrad& grad, const ExpertRows& rows) {
  return {used(grad.d_hidden, rows), used(grad.d_linear, rows), grad.adds_weights};
}
Dropout used(Dropout dropout, const ExpertRows& rows) {
  dropout.first_row += rows.first;
  dropout.row_ids = used(dropout.row_ids, rows);
  return dropout;
}

// Takes the inner activations, each of `shape`, from an Arena or a ScratchScope.
template <class Memory>
void take_inner(Memory& memory, ExpertsSaved& saved, Shape shape, Activation activation) {
  const DType dtype = saved.in.dtype();
  saved.hidden = memory.take(dtype, shape, "experts hidden");
  saved.activated = saved.hidden;
  if (activation == Activation::relu) return;
  saved.activated = memory.take(dtype, shape, "experts activated");
  if (activation == Activation::geglu) saved.linear = memory.take(dtype, shape, "experts linear");
}

}  // namespace

ExpertsParams experts_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model, const ExpertShape& shape) {
  const int64_t experts = model.experts.count, d = model.d_model, d_ff = model.d_ff;
  const int64_t outputs = shape.outputs > 0 ? shape.outputs : d;
  const auto init = [&](int64_t fan_in) {
    return experts_init(model, static_cast<double>(fan_in));
  };
  const Placement columns = Placement::expert_and_model(2), rows = Placement::expert_and_model(1);
  ExpertsParams params;
  if (shape.linear) {
    params.wo = store.add(prefix + shape.last, {experts, d, outputs}, Placement::expert(), init(d));
    return params;
  }
  params.wi = store.add(prefix + "/wi", {experts, d, d_ff}, columns, init(d));
  if (model.activation == Activation::geglu) {
    params.wi_linear = store.add(prefix + "/wi_linear", {experts, d, d_ff}, columns, init(d));
  }
  params.wo = store.add(prefix + shape.last, {experts, d_ff, outputs}, rows, init(d_ff));
  return params;
}

ExpertsSaved experts_plan(Arena& arena, const ModelSection& model, DType dtype, int64_t rows,
                          int model_ranks, bool keep_inner) {
  const Shape inner{rows, div_exact(model.d_ff, int64_t{model_ranks})};
  ExpertsSaved saved;
  saved.in = arena.take(dtype, {rows, model.d_model}, "experts in");
  if (keep_inner) take_inner(arena, saved, inner, model.activation);
  return saved;
}

ExpertsSaved with_inner(const ExpertsParams& params, const ExpertsSaved& saved,
                        const ExpertRows& rows, Activation activation, ScratchScope& scratch) {
  ExpertsSaved now = saved;
  if (params.is_linear()) {
    now.activated = saved.in.slice(0, rows.total);
    return now;
  }
  const Shape inner{rows.total, params.wi->compute.cols()};
  if (!saved.keeps_inner()) take_inner(scratch, now, inner, activation);
  return now;
}

void experts_inner(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                   const ExpertRows& rows, Activation activation, const Dropout& dropout) {
  if (params.is_linear()) return;
  const ExpertsSaved now = used(saved, rows);
  const bool fused = is_relu_alone(activation, dropout);
  multiply(exec, rows, now.hidden, now.in, params.wi->compute, {.relu = fused});
  if (params.wi_linear != nullptr) {
    multiply(exec, rows, now.linear, now.in, params.wi_linear->compute);
  }
  if (!fused) {
    activation_forward(exec, now.activated, now.hidden, now.linear, activation,
                       used(dropout, rows));
  }
}

void experts_forward(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                     const ExpertRows& rows, Tensor out, Activation activation,
                     const Dropout& dropout) {
  experts_inner(exec, params, saved, rows, activation, dropout);
  multiply(exec, rows, used(out, rows), used(saved.activated, rows), params.wo->compute);
}

ExpertsGrad experts_grad(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                         const ExpertRows& rows, ScratchScope& scratch) {
  ExpertsGrad grad;
  if (!params.is_linear()) {
    const Shape shape{rows.total, saved.hidden.cols()};
    grad.d_hidden = scratch.take(saved.hidden.dtype(), shape, "experts d_hidden");
  }
  if (params.wi_linear != nullptr) {
    grad.d_linear = scratch.take(grad.d_hidden.dtype(), grad.d_hidden.shape(), "experts d_linear");
  }
  // A single expert's rows may come in two parts, and dropless an expert may have none.
  const bool once = !rows.ragged() && rows.experts > 1;
  for (Param* w : {params.wi, params.wi_linear, params.wo}) {
    if (w == nullptr) continue;
    grad.adds_weights = w->adds_to_grad();
    if (grad.adds_weights || once) continue;
    fill_zero(exec, w->grad);
    grad.adds_weights = true;
  }
  return grad;
}

void experts_backward_input(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                            const ExpertRows& rows, Tensor d_in, Tensor d_out,
                            const ExpertsGrad& grad, Activation activation,
                            const Dropout& dropout) {
  const ExpertsSaved now = used(saved, rows);
  const auto [d_hidden, d_linear, adds] = used(grad, rows);
  const Tensor d_x = used(d_in, rows), d_y = used(d_out, rows);
  put_weight(exec, rows, *params.wo, d_y, now.activated, adds);
  if (params.is_linear()) {
    return multiply(exec, rows, d_x, d_y, params.wo->compute, {.transpose_b = true});
  }
  multiply(exec, rows, d_hidden, d_y, params.wo->compute, {.transpose_b = true});
  activation_backward(exec, d_hidden, d_linear, d_hidden, now.hidden, now.linear, activation,
                      used(dropout, rows));
  multiply(exec, rows, d_x, d_hidden, params.wi->compute, {.transpose_b = true});
  if (params.wi_linear != nullptr) {
    multiply(exec, rows, d_x, d_linear, params.wi_linear->compute,
             {.transpose_b = true, .accumulate = true});
  }
}

void experts_backward_weights(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                              const ExpertRows& rows, const ExpertsGrad& grad) {
  const ExpertsSaved now = used(saved, rows);
  if (params.is_linear()) return;
  const auto [d_hidden, d_linear, adds] = used(grad, rows);
  put_weight(exec, rows, *params.wi, d_hidden, now.in, adds);
  if (params.wi_linear != nullptr) {
    put_weight(exec, rows, *params.wi_linear, d_linear, now.in, adds);
  }
}

}  // namespace sy
