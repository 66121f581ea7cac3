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
  int64_t first = 0;
  for (int64_t expert = 0; expert < rows.experts; ++expert) {
    for (int64_t left = rows.counts[static_cast<size_t>(expert)]; left > 0;) {
      const int64_t size = piece_rows(left);
      run(first, size, expert);
      first += size;
      left -= size;
    }
  }
}

// Calls run(a, b, w) with the matching parts of two tensors of these rows and of the weights of all
// experts: batches of the experts, or one expert and some of its rows.
template <class Function>
void for_each_product(const Exec& exec, const ExpertRows& rows, Tensor a, Tensor b, Tensor w,
                      Function&& run) {
  if (!rows.counts.empty()) {
    for_each_ragged_piece(rows, exec.planning, [&](int64_t first, int64_t size, int64_t expert) {
      run(a.slice(first, size), b.slice(first, size), w.at(rows.first_expert + expert));
    });
    return;
  }
  const auto by_expert = [&](Tensor tensor) {
    return tensor.view({rows.experts, rows.each, tensor.cols()});
  };
  run(by_expert(a), by_expert(b), w.slice(rows.first_expert, rows.experts));
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

// The views of the given rows.
Tensor used(Tensor tensor, const ExpertRows& rows) {
  return tensor.empty() ? Tensor() : tensor.slice(rows.first, rows.total);
}
ExpertsSaved used(const ExpertsSaved& saved, const ExpertRows& rows) {
  return {used(saved.in, rows), used(saved.hidden, rows), used(saved.linear, rows),
          used(saved.activated, rows)};
}
ExpertsGrad used(const ExpertsGrad& grad, const ExpertRows& rows) {
  return {used(grad.d_hidden, rows), used(grad.d_linear, rows)};
}
Dropout used(Dropout dropout, const ExpertRows& rows) {
  dropout.first_row += rows.first;
  dropout.row_ids = used(dropout.row_ids, rows);
  return dropout;
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
  multiply(exec, rows, used(out, rows), now.activated, params.wo->compute);
}

ExpertsGrad experts_grad(const ExpertsParams& params, const ExpertsSaved& saved, int64_t rows,
                         ScratchScope& scratch) {
  const DType dtype = saved.hidden.dtype();
  const Shape shape{rows, saved.hidden.cols()};
  ExpertsGrad grad;
  grad.d_hidden = scratch.take(dtype, shape, "experts d_hidden");
  if (params.wi_linear != nullptr) grad.d_linear = scratch.take(dtype, shape, "experts d_linear");
  return grad;
}

void experts_backward_input(Exec& exec, const ExpertsParams& params, const ExpertsSaved& saved,
                            const ExpertRows& rows, Tensor d_in, Tensor d_out,
                            const ExpertsGrad& grad, Activation activation,
                            const Dropout& dropout) {
  const ExpertsSaved now = used(saved, rows);
  const auto [d_hidden, d_linear] = used(grad, rows);
  const Tensor d_x = used(d_in, rows), d_y = used(d_out, rows);
  accumulate_weight(exec, rows, *params.wo, d_y, now.activated);
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
  const auto [d_hidden, d_linear] = used(grad, rows);
  accumulate_weight(exec, rows, *params.wi, d_hidden, now.in);
  if (params.wi_linear != nullptr) {
    accumulate_weight(exec, rows, *params.wi_linear, d_linear, now.in);
  }
}

}  // namespace sy
