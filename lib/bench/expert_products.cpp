// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/expert_products.h"

#include "kernels/activation/activation.h"
#include "lib/base/numeric.h"
#include "lib/tensor/random_fill.h"
#include "lib/tensor/transfer.h"

namespace sy {

ExpertProducts::ExpertProducts(Exec& exec, const ModelSection& model, DType dtype,
                               const ExpertRows& rows)
    : exec_(exec), rows_(rows) {
  SY_CHECK(!rows.ragged(), "the experts benchmark needs the same number of rows for each expert");
  list(model, dtype);
  arena_.allocate(exec.memory);
  list(model, dtype);
  std::vector<int32_t> counts(static_cast<size_t>(rows.experts), narrow<int32_t>(rows.each));
  upload(exec, counts_, Tensor(counts.data(), DType::i32, counts_.shape()));
  for (const Product& product : products_) {
    for (const Tensor& operand : {product.a, product.b, product.c}) fill_random(exec, operand);
  }
}

// In the order of experts_forward and experts_backward, except that the gradient of wi comes
// earlier.
void ExpertProducts::list(const ModelSection& model, DType dtype) {
  products_.clear();
  counts_ = arena_.take(DType::i32, {1, rows_.experts}, "rows of each");
  const auto take_rows = [&](int64_t cols, const char* label) {
    return arena_.take(dtype, {rows_.total, cols}, label);
  };
  const int64_t d = model.d_model, d_ff = model.d_ff;
  const auto take_weight = [&](int64_t inputs, int64_t outputs, DType type, const char* label) {
    return arena_.take(type, {rows_.experts, inputs, outputs}, label);
  };
  const DType master = compute_dtype(dtype);
  const Tensor in = take_rows(d, "in"), d_in = take_rows(d, "d_in");
  const Tensor hidden = take_rows(d_ff, "hidden"), d_hidden = take_rows(d_ff, "d_hidden");
  const Tensor out = take_rows(d, "out"), d_out = take_rows(d, "d_out");
  const GemmOptions first{.relu = is_relu_alone(model.activation, {})};
  add_matrix(take_weight(d, d_ff, dtype, "wi"), take_weight(d, d_ff, master, "d_wi"), in, d_in,
             hidden, d_hidden, first, false);
  if (model.activation == Activation::geglu) {
    const Tensor linear = take_rows(d_ff, "linear"), d_linear = take_rows(d_ff, "d_linear");
    add_matrix(take_weight(d, d_ff, dtype, "wi_linear"),
               take_weight(d, d_ff, master, "d_wi_linear"), in, d_in, linear, d_linear, {}, true);
  }
  add_matrix(take_weight(d_ff, d, dtype, "wo"), take_weight(d_ff, d, master, "d_wo"), hidden,
             d_hidden, out, d_out, {}, false);
}

// y = x w and the gradients of w and x. `adds`: d_x is accumulated, because another matrix has
// written it.
void ExpertProducts::add_matrix(Tensor weight, Tensor d_weight, Tensor x, Tensor d_x, Tensor y,
                                Tensor d_y, const GemmOptions& forward, bool adds) {
  products_.push_back({y, x, weight, forward});
  products_.push_back({d_weight, x, d_y, {.transpose_a = true, .accumulate = true}});
  products_.push_back({d_x, d_y, weight, {.transpose_b = true, .accumulate = adds}});
}

Tensor ExpertProducts::of_all(Tensor operand) const {
  return operand.view(
      {rows_.experts, operand.numel() / rows_.experts / operand.cols(), operand.cols()});
}

Tensor ExpertProducts::of_expert(Tensor operand, int64_t expert) const {
  if (operand.rank() == 3) return operand.at(expert);
  return operand.slice(expert * rows_.each, rows_.each);
}

void ExpertProducts::batched() const {
  for (const Product& p : products_) {
    gemm(exec_, of_all(p.c), of_all(p.a), of_all(p.b), p.options);
  }
}

void ExpertProducts::each() const {
  for (const Product& p : products_) {
    for (int64_t expert = 0; expert < rows_.experts; ++expert) {
      gemm(exec_, of_expert(p.c, expert), of_expert(p.a, expert), of_expert(p.b, expert),
           p.options);
    }
  }
}

void ExpertProducts::by_kernel() const {
  for (const Product& p : products_) {
    grouped_gemm(exec_, p.c, p.a, p.b, {counts_, 0, rows_.experts, {}}, p.options);
  }
}

double ExpertProducts::flops() const {
  double flops = 0;
  for (const Product& p : products_) {
    const Tensor weight = p.b.rank() == 3 ? p.b : p.c;
    const int64_t weights_of_expert = weight.numel() / rows_.experts;
    flops += 2.0 * static_cast<double>(rows_.total) * static_cast<double>(weights_of_expert);
  }
  return flops;
}

}  // namespace sy
