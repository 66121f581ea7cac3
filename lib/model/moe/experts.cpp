#include "lib/model/moe/experts.h"

#include <bit>
#include <cmath>

#include "kernels/activation.h"
#include "kernels/gemm.h"

namespace sy {
namespace {

constexpr int64_t kWholePiece = 32;  // fewer rows than this are one product
constexpr int kLeadingBits = 3;

// The largest number of rows not above `rows` that one product takes: below kWholePiece any, above
// it only those with three leading bits. Products are kept by shape, and ragged rows would
// otherwise bring a new shape every step, for ever.
int64_t piece_rows(int64_t rows) {
  if (rows < kWholePiece) return rows;
  const int shift = std::bit_width(static_cast<uint64_t>(rows)) - kLeadingBits;
  return rows >> shift << shift;
}

// Calls run(first row, rows, expert) for products that together cover every row of every expert;
// while planning, for one product of each size that there can be.
template <class Function>
void for_each_ragged_piece(const ExpertRows& rows, bool planning, Function&& run) {
  if (planning) {
    for (int64_t size = 1; size <= rows.total; ++size) {
      if (piece_rows(size) == size) run(0, size, 0);
    }
    return;
  }
  const int32_t* counts = rows.counts.data<int32_t>();
  int64_t first = 0;
  for (int64_t pair = 0; pair < rows.sources * rows.experts; ++pair) {
    for (int64_t left = counts[pair]; left > 0;) {
      const int64_t size = piece_rows(left);
      run(first, size, pair % rows.experts);
      first += size;
      left -= size;
    }
  }
}

// Calls run(a, b, w) with the matching parts of two row tensors and of the weights: batches of all
// experts, or one expert and some of its rows.
template <class Function>
void for_each_product(const Exec& exec, const ExpertRows& rows, Tensor a, Tensor b, Tensor w,
                      Function&& run) {
  if (!rows.counts.empty()) {
    for_each_ragged_piece(rows, exec.planning, [&](int64_t first, int64_t size, int64_t expert) {
      run(a.slice(first, size), b.slice(first, size), w.at(expert));
    });
    return;
  }
  const int64_t block = rows.experts * rows.each;
  const auto part = [&](Tensor tensor, int64_t source) {
    return tensor.slice(source * block, block).view({rows.experts, rows.each, tensor.cols()});
  };
  for (int64_t source = 0; source < rows.sources; ++source)
    run(part(a, source), part(b, source), w);
}

// y = x w, or x w^T with transpose_b, expert by expert.
void multiply(Exec& exec, const ExpertRows& rows, Tensor y, Tensor x, Tensor w,
              GemmOptions options = {}) {
  for_each_product(exec, rows, y, x, w, [&](Tensor y_part, Tensor x_part, Tensor w_part) {
    gemm(exec, y_part, x_part, w_part, options);
  });
}

// w.grad += x^T d_y, expert by expert.
void accumulate_weight(Exec& exec, const ExpertRows& rows, const Param& w, Tensor d_y, Tensor x) {
  for_each_product(exec, rows, d_y, x, w.grad, [&](Tensor d_y_part, Tensor x_part, Tensor grad) {
    gemm(exec, grad, x_part, d_y_part, {.transpose_a = true, .accumulate = true});
  });
}

// The views of `rows` rows.
ExpertsSaved used(const ExpertsSaved& saved, int64_t rows) {
  const auto first = [rows](Tensor tensor) {
    return tensor.empty() ? Tensor() : tensor.slice(0, rows);
  };
  return {first(saved.in), first(saved.hidden), first(saved.linear), first(saved.activated)};
}

}  // namespace

ExpertsParams experts_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model) {
  const int64_t experts = model.experts.count, d = model.d_model, d_ff = model.d_ff;
  const auto init = [&](int64_t fan_in) {
    return Init{Init::Kind::truncated_normal,
                std::sqrt(model.init_scale / static_cast<double>(fan_in))};
  };
  ExpertsParams params;
  params.wi = store.add(prefix + "/wi", {experts, d, d_ff}, ParamGroup::expert, init(d));
  if (model.activation == Activation::geglu) {
    params.wi_linear =
        store.add(prefix + "/wi_linear", {experts, d, d_ff}, ParamGroup::expert, init(d));
  }
  params.wo = store.add(prefix + "/wo", {experts, d_ff, d}, ParamGroup::expert, init(d_ff));
  return params;
}

ExpertsSaved experts_plan(Arena& arena, const ModelSection& model, DType dtype, int64_t rows) {
  const Shape inner{rows, model.d_ff};
  ExpertsSaved saved;
  saved.in = arena.take(dtype, {rows, model.d_model}, "experts in");
  saved.hidden = arena.take(dtype, inner, "experts hidden");
  saved.activated = saved.hidden;
  if (model.activation == Activation::relu) return saved;
  saved.activated = arena.take(dtype, inner, "experts activated");
  if (model.activation == Activation::geglu) {
    saved.linear = arena.take(dtype, inner, "experts linear");
  }
  return saved;
}

void experts_forward(Exec& exec, const ExpertsParams& params, ExpertsSaved& saved,
                     const ExpertRows& rows, Tensor out, Activation activation,
                     const Dropout& dropout) {
  const ExpertsSaved now = used(saved, rows.total);
  const bool fused = is_relu_alone(activation, dropout);
  multiply(exec, rows, now.hidden, now.in, params.wi->compute, {.relu = fused});
  if (params.wi_linear != nullptr) {
    multiply(exec, rows, now.linear, now.in, params.wi_linear->compute);
  }
  if (!fused) {
    activation_forward(exec, now.activated, now.hidden, now.linear, activation, dropout);
  }
  multiply(exec, rows, out, now.activated, params.wo->compute);
}

ExpertsGrad experts_backward_input(Exec& exec, const ExpertsParams& params,
                                   const ExpertsSaved& saved, const ExpertRows& rows, Tensor d_in,
                                   Tensor d_out, Activation activation, const Dropout& dropout,
                                   ScratchScope& scratch) {
  const ExpertsSaved now = used(saved, rows.total);
  const bool gated = params.wi_linear != nullptr;
  ExpertsGrad grad;
  grad.d_hidden = scratch.take(d_out.dtype(), now.hidden.shape(), "experts d_hidden");
  if (gated) grad.d_linear = scratch.take(d_out.dtype(), now.hidden.shape(), "experts d_linear");
  accumulate_weight(exec, rows, *params.wo, d_out, now.activated);
  multiply(exec, rows, grad.d_hidden, d_out, params.wo->compute, {.transpose_b = true});
  activation_backward(exec, grad.d_hidden, grad.d_linear, grad.d_hidden, now.hidden, now.linear,
                      activation, dropout);
  multiply(exec, rows, d_in, grad.d_hidden, params.wi->compute, {.transpose_b = true});
  if (gated) {
    multiply(exec, rows, d_in, grad.d_linear, params.wi_linear->compute,
             {.transpose_b = true, .accumulate = true});
  }
  return grad;
}

void experts_backward_weights(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                              const ExpertRows& rows, const ExpertsGrad& grad) {
  const ExpertsSaved now = used(saved, rows.total);
  accumulate_weight(exec, rows, *params.wi, grad.d_hidden, now.in);
  if (params.wi_linear != nullptr) {
    accumulate_weight(exec, rows, *params.wi_linear, grad.d_linear, now.in);
  }
}

}  // namespace sy
