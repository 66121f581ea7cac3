// SPDX-License-Identifier: Apache-2.0
// GEMMs whose operands the CPU's backend copies into longer rows (kernels/gemm/padded_gemm_cpu.h),
// or widens from bfloat16 (widened_gemm_cpu.h), both on processors without AVX-512 alone. Elsewhere
// it can be told to be one: ONEDNN_MAX_CPU_ISA=AVX2.
#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_shape.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

Owned in_float64(Tensor x) {
  Owned copy(DType::f64, x.shape());
  for (int64_t i = 0; i < x.numel(); ++i) set(copy, i, at(x, i));
  return copy;
}

Owned random_of(DType dtype, Shape shape, uint64_t seed) {
  Owned values = random_tensor(DType::f32, shape, seed);
  if (dtype == DType::f32) return values;
  Owned rounded(dtype, shape);
  for (int64_t i = 0; i < shape.numel(); ++i) set(rounded, i, at(values, i));
  return rounded;
}

struct Case {
  int64_t batch, m, n, k;
  bool transpose_a, transpose_b;
};

Shape matrices(int64_t batch, int64_t rows, int64_t cols, bool transposed) {
  if (transposed) std::swap(rows, cols);
  return batch == 1 ? Shape{rows, cols} : Shape{batch, rows, cols};
}

TEST_CASE("gemm: rows of a multiple of 2 KiB against float64", "[padded_gemm]") {
  // One, the other and both operands are copied; in one part, in parts of k, of the batch.
  const Case c = GENERATE(Case{1, 512, 40, 70, true, false}, Case{1, 40, 1024, 70, false, false},
                          Case{1, 512, 512, 33, true, false}, Case{1, 1024, 36, 64, true, true},
                          Case{1, 512, 32, 8100, true, false}, Case{1, 34, 512, 8100, false, false},
                          Case{3, 512, 32, 3000, true, false}, Case{5, 35, 1536, 70, false, false});
  const auto [accumulate, relu, has_base] =
      GENERATE(std::tuple{false, false, false}, std::tuple{true, false, false},
               std::tuple{false, true, false}, std::tuple{false, false, true});
  const bool shared_a = GENERATE(false, true) && c.batch > 1;
  const GemmOptions options{c.transpose_a, c.transpose_b, accumulate, relu};
  auto exec = make_exec(2, 34);
  Shape of_a = matrices(c.batch, c.m, c.k, c.transpose_a);
  if (shared_a) of_a[0] = 1;
  Owned a = random_tensor(DType::f32, of_a, 1);
  Owned b = random_tensor(DType::f32, matrices(c.batch, c.k, c.n, c.transpose_b), 2);
  Owned out = random_tensor(DType::f32, matrices(c.batch, c.m, c.n, false), 3);
  Owned base = random_tensor(DType::f32, out.tensor().shape(), 4);
  Owned a64 = in_float64(a), b64 = in_float64(b), out64 = in_float64(out),
        base64 = in_float64(base);
  gemm(*exec, out, a, b, options, has_base ? base : Tensor());
  gemm(*exec, out64, a64, b64, options, has_base ? base64 : Tensor());
  CHECK(largest_difference(out, out64) < 1e-6 * static_cast<double>(c.k) + 1e-5);
}

TEST_CASE("gemm: many rows of bfloat16 against float64", "[padded_gemm]") {
  // Rows in blocks, and k in blocks where a lies transposed.
  const Case c = GENERATE(Case{1, 2500, 24, 40, false, false}, Case{2, 1100, 24, 40, false, true},
                          Case{1, 40, 24, 2500, true, false}, Case{1, 1100, 24, 40, true, true});
  const auto [accumulate, relu, has_base] =
      GENERATE(std::tuple{false, false, false}, std::tuple{true, false, false},
               std::tuple{false, true, false}, std::tuple{false, false, true});
  const DType out_type = GENERATE(DType::f32, DType::bf16);
  const GemmOptions options{c.transpose_a, c.transpose_b, accumulate, relu};
  auto exec = make_exec(2, 35);
  Owned a = random_of(DType::bf16, matrices(c.batch, c.m, c.k, c.transpose_a), 1);
  Owned b = random_of(DType::bf16, matrices(c.batch, c.k, c.n, c.transpose_b), 2);
  Owned out = random_of(out_type, matrices(c.batch, c.m, c.n, false), 3);
  Owned base = random_of(out_type, out.tensor().shape(), 4);
  Owned a64 = in_float64(a), b64 = in_float64(b), out64 = in_float64(out),
        base64 = in_float64(base);
  gemm(*exec, out, a, b, options, has_base ? base : Tensor());
  gemm(*exec, out64, a64, b64, options, has_base ? base64 : Tensor());
  double largest = 0;
  for (int64_t i = 0; i < out64.tensor().numel(); ++i) largest = std::max(largest, at(out64, i));
  // Half a unit in the last of bfloat16's 8 places, of the largest value.
  const double rounding = out_type == DType::bf16 ? largest / 256 : 0;
  CHECK(largest_difference(out, out64) < 1e-6 * static_cast<double>(c.k) + 1e-5 + rounding);
}

TEST_CASE("gemm: the copies of rows of 2 KiB are planned, and need a few MiB", "[padded_gemm]") {
  Exec exec;
  use_test_backend(exec);
  exec.planning = true;
  const auto plan = [&](const Shape& c, const Shape& a, const Shape& b, GemmOptions options) {
    gemm(exec, Tensor(nullptr, DType::f32, c), Tensor(nullptr, DType::f32, a),
         Tensor(nullptr, DType::f32, b), options);
  };
  plan({2048, 64}, {100000, 2048}, {100000, 64}, {.transpose_a = true});
  plan({64, 40, 2048}, {64, 40, 512}, {64, 512, 2048}, {});
  CHECK(exec.scratch.high_water() < 40 << 20);
}

}  // namespace
}  // namespace sy
