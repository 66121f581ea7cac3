// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_logits.h"

#include <catch2/catch.hpp>

#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm.h"
#include "kernels/router/router_jitter.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{11, 12, 13};

struct Size {
  int64_t tokens, d, experts;
};

// Rows that fill no tile, widths that are not a multiple of a pack's or a warp's, and numbers of
// experts on both sides of every limit of the CUDA implementation.
const std::vector<Size> kSizes = {{1, 8, 1},    {33, 24, 3},   {70, 100, 8},  {5, 8, 9},
                                  {131, 24, 8}, {67, 264, 16}, {67, 264, 17}, {9, 768, 8},
                                  {6, 768, 16}, {3, 1544, 8},  {4, 13, 5}};

// The operands and results of one call; d_weight starts with values to add to.
struct Call {
  Size size;
  RouterJitter jitter{0.2f, kKey, 5};
  Owned x, weight, logits, d_logits, d_x, d_weight;

  Call(DType dtype, Size of)
      : size(of),
        x(random_tensor(compute_dtype(dtype), {of.tokens, of.d}, 1)),
        weight(random_tensor(compute_dtype(dtype), {of.d, of.experts}, 2, 0.3)),
        logits(compute_dtype(dtype), {of.tokens, of.experts}),
        d_logits(random_tensor(compute_dtype(dtype), {of.tokens, of.experts}, 3)),
        d_x(dtype, {of.tokens, of.d}),
        d_weight(random_tensor(compute_dtype(dtype), {of.d, of.experts}, 4)) {
    if (dtype != DType::bf16) return;
    Owned narrow(dtype, x.tensor().shape());
    for (int64_t i = 0; i < of.tokens * of.d; ++i) set(narrow, i, at(x, i));
    x = std::move(narrow);
  }
  void forward(Exec& exec) { router_logits_forward(exec, logits, x, weight, jitter); }
  void backward(Exec& exec) {
    router_logits_backward(exec, d_x, d_weight, d_logits, x, weight, jitter);
  }
  double factor(int64_t t, int64_t c) const {
    const int64_t word = (jitter.first_row + t) * size.d + c;
    return 1 + double{jitter.epsilon} *
                   (2 * random_uniform(jitter.key, static_cast<uint64_t>(word)) - 1);
  }
};

// Largest errors against the definition, summed in float64.
struct Errors {
  double logits = 0, d_x = 0, d_weight = 0;
};

Errors errors_of(Call& call, Exec& exec) {
  const auto [tokens, d, experts] = call.size;
  Owned logits = zeros(DType::f64, {tokens, experts}), d_x(DType::f64, {tokens, d});
  std::vector<double> d_weight = values_of(call.d_weight);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t c = 0; c < d; ++c) {
      const double factor = call.factor(t, c), input = at(call.x, t * d + c) * factor;
      double back = 0;
      for (int64_t e = 0; e < experts; ++e) {
        const double w = at(call.weight, c * experts + e), g = at(call.d_logits, t * experts + e);
        logits.data<double>()[t * experts + e] += input * w;
        d_weight[static_cast<size_t>(c * experts + e)] += input * g;
        back += g * w;
      }
      set(d_x, t * d + c, back * factor);
    }
  }
  call.forward(exec);
  call.backward(exec);
  synchronize(exec);
  Errors errors;
  errors.logits = largest_difference(call.logits, logits);
  errors.d_weight =
      largest_difference(call.d_weight, tensor_of(DType::f64, {d, experts}, d_weight));
  // bfloat16's own rounding is relative.
  for (int64_t i = 0; i < tokens * d; ++i) {
    const double scale = call.x.tensor().dtype() == DType::bf16 ? std::abs(at(d_x, i)) / 256 : 0;
    const double error = std::abs(at(call.d_x, i) - at(d_x, i));
    errors.d_x = error >= 0 ? std::max(errors.d_x, error - scale) : INFINITY;
  }
  return errors;
}

TEST_CASE("router_logits: matches the definition, forward and backward", "[router_logits]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::bf16);
  for (const Size& size : kSizes) {
    INFO(name_of(dtype) << " " << size.tokens << " x " << size.d << " x " << size.experts);
    for (const float epsilon : {0.2f, 0.0f}) {
      Call call(dtype, size);
      call.jitter.epsilon = epsilon;
      const Errors errors = errors_of(call, *exec);
      // Draws are float32 in every precision.
      const double tolerance = dtype == DType::f64 && epsilon == 0 ? 1e-13 : 2e-6;
      const double terms = std::sqrt(static_cast<double>(std::max(size.d, size.tokens)));
      CHECK(errors.logits < tolerance * terms);
      CHECK(errors.d_x < tolerance * 4);
      CHECK(errors.d_weight < tolerance * terms);
    }
  }
}

TEST_CASE("router_logits: gradients", "[router_logits]") {
  auto exec = make_exec();
  const Size size = GENERATE(Size{7, 16, 5}, Size{70, 8, 3}, Size{5, 6, 4}, Size{3, 8, 9});
  Call call(DType::f64, size);
  call.d_weight = zeros(DType::f64, call.weight.tensor().shape());
  const auto loss = [&] {
    call.forward(*exec);
    return weighted_sum(call.logits, call.d_logits);
  };
  call.backward(*exec);
  CHECK(gradient_error(call.x, call.d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(call.weight, call.d_weight, loss) < kGradientTolerance);
}

// The draws are the same: compared with GEMMs on router_jitter's output, only the order of sums
// differs, and on the CPU not even that.
TEST_CASE("router_logits: matches GEMMs on router_jitter's output", "[router_logits]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  for (const Size& size : kSizes) {
    INFO(name_of(dtype) << " " << size.tokens << " x " << size.d << " x " << size.experts);
    Call call(dtype, size);
    call.jitter.first_row = 3000000000;
    Owned input(DType::f32, call.x.tensor().shape()), d_input = input, d_x = call.d_x;
    Owned logits = call.logits, d_weight = call.d_weight;
    const auto& [epsilon, key, first_row] = call.jitter;
    router_jitter(*exec, input, call.x, epsilon, key, first_row);
    gemm(*exec, logits, input, call.weight);
    gemm(*exec, d_weight, input, call.d_logits, {.transpose_a = true, .accumulate = true});
    gemm(*exec, d_input, call.d_logits, call.weight, {.transpose_b = true});
    router_jitter(*exec, d_x, d_input, epsilon, key, first_row);
    call.forward(*exec);
    call.backward(*exec);
    synchronize(*exec);
    // A library may add a sum's terms sequentially, losing half a bit at each.
    const double terms = static_cast<double>(std::max(size.d, size.tokens));
    CHECK(largest_difference(call.logits, logits) < 1e-6 + 1e-7 * terms);
    CHECK(largest_difference(call.d_weight, d_weight) < 1e-6 + 1e-7 * terms);
    // Where sums differ, the nearest bfloat16 may differ too.
    CHECK(largest_difference(call.d_x, d_x) < (dtype == DType::bf16 ? 0.02 : 2e-6));
    if (exec->backend == Backend::cpu) {
      CHECK(same_bits(call.logits, logits));
      CHECK(same_bits(call.d_weight, d_weight));
      CHECK(same_bits(call.d_x, d_x));
    }
  }
}

// More tokens than a chunk of backward, or all blocks of forward, take at once.
TEST_CASE("router_logits: many tokens", "[router_logits]") {
  auto exec = make_exec();
  const int64_t tokens = GENERATE(128, 129, 8448 + 5, 16384 + 77);
  Call call(DType::bf16, {tokens, 8, 3});
  const Errors errors = errors_of(call, *exec);
  CHECK(errors.logits < 1e-5);
  CHECK(errors.d_x < 1e-5);
  CHECK(errors.d_weight < 1e-7 * static_cast<double>(tokens));
}

// Any split of the tokens, and thus any mesh, routes alike.
TEST_CASE("router_logits: a token's logits depend on its row alone", "[router_logits]") {
  auto exec = make_exec();
  if (exec->backend == Backend::cpu) return;
  Call all(DType::bf16, {37, 24, 3});
  all.forward(*exec);
  for (const int64_t first : {1, 8, 36}) {
    const int64_t count = 37 - first;
    Owned some(DType::f32, {count, 3});
    RouterJitter jitter = all.jitter;
    jitter.first_row += first;
    router_logits_forward(*exec, some, all.x.tensor().slice(first, count), all.weight, jitter);
    CHECK(same_bits(some, all.logits.tensor().slice(first, count)));
  }
}

TEST_CASE("router_logits: planned scratch is enough, and no tokens", "[router_logits]") {
  for (const Size& size : kSizes) {
    Call call(DType::bf16, size);
    Exec exec;
    use_test_backend(exec);
    exec.threads = 2;
    exec.planning = true;
    call.forward(exec);
    call.backward(exec);
    exec.planning = false;
    exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
    call.forward(exec);
    call.backward(exec);
    synchronize(exec);
    CHECK(exec.scratch.high_water() == exec.scratch.capacity());
  }
  auto exec = make_exec();
  Call none(DType::bf16, {0, 8, 3});
  const Owned before = none.d_weight;
  none.forward(*exec);
  none.backward(*exec);
  CHECK(same_bits(none.d_weight, Owned(before)));
}

TEST_CASE("router_logits: mismatched arguments", "[router_logits]") {
  auto exec = make_exec();
  Call call(DType::bf16, {4, 8, 3});
  Owned wide(DType::f32, {4, 8}), other(DType::f32, {8, 4});
  CHECK_THROWS_AS(router_logits_forward(*exec, call.logits, call.x, other, {}), InternalError);
  CHECK_THROWS_AS(router_logits_forward(*exec, call.logits, wide, call.x, {}), InternalError);
  CHECK_THROWS_AS(
      router_logits_backward(*exec, wide, call.d_weight, call.d_logits, call.x, call.weight, {}),
      InternalError);
}

TEST_CASE("router_logits: the same bits for any number of threads", "[router_logits]") {
  Call call(DType::bf16, {150, 24, 8});
  CHECK(same_for_any_threads(call.d_weight, [&](Exec& exec, Tensor d_weight) {
    router_logits_backward(exec, call.d_x, d_weight, call.d_logits, call.x, call.weight,
                           call.jitter);
  }));
}

}  // namespace
}  // namespace sy
