// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm.h"

#include <omp.h>

#include <catch2/catch.hpp>
#include <limits>

#include "kernels/gemm/gemm_shape.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"
#include "tests/support/allocations.h"

namespace sy {
namespace {
using namespace test;

double element(Tensor x, int64_t index) {
  return x.dtype() == DType::f64 ? x.data<double>()[index] : x.data<float>()[index];
}

// The product by definition, in float64.
double expected(Tensor a, Tensor b, int64_t batch, int64_t i, int64_t j, int64_t m, int64_t n,
                int64_t k, GemmOptions options) {
  double total = 0;
  for (int64_t p = 0; p < k; ++p) {
    const int64_t of_batch = a.rank() == 3 && a.dim(0) == 1 ? 0 : batch;
    const int64_t left = of_batch * m * k + (options.transpose_a ? p * m + i : i * k + p);
    const int64_t right = batch * k * n + (options.transpose_b ? j * k + p : p * n + j);
    total += element(a, left) * element(b, right);
  }
  return total;
}

struct Case {
  int64_t batch, m, n, k;
};

TEST_CASE("gemm: every transpose, accumulation, relu and dtype against the definition", "[gemm]") {
  const Case c =
      GENERATE(Case{0, 5, 7, 3}, Case{0, 1, 1, 1}, Case{0, 64, 33, 17}, Case{3, 6, 5, 4},
               Case{2, 1, 9, 70}, Case{0, 0, 4, 3}, Case{0, 4, 3, 0}, Case{0, 4, 0, 3},
               Case{1, 4, 6, 8}, Case{3, 4, 5, 0}, Case{0, 65, 130, 70}, Case{4, 64, 64, 64});
  const bool transpose_a = GENERATE(false, true), transpose_b = GENERATE(false, true);
  const auto [accumulate, relu] =
      GENERATE(std::pair{false, false}, std::pair{true, false}, std::pair{false, true});
  const bool has_base = GENERATE(false, true) && !accumulate && !relu;
  const bool shared_a = GENERATE(false, true) && c.batch > 1;
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const GemmOptions options{transpose_a, transpose_b, accumulate, relu};
  auto exec = make_exec(2, 34);
  const auto shape = [&](int64_t rows, int64_t cols, bool transposed) {
    if (transposed) std::swap(rows, cols);
    return c.batch == 0 ? Shape{rows, cols} : Shape{c.batch, rows, cols};
  };
  Shape of_a = shape(c.m, c.k, transpose_a);
  if (shared_a) of_a[0] = 1;
  Owned a = random_tensor(dtype, of_a, 1);
  Owned b = random_tensor(dtype, shape(c.k, c.n, transpose_b), 2);
  Owned out = random_tensor(dtype, shape(c.m, c.n, false), 3);
  Owned before = out, base = random_tensor(dtype, out.tensor().shape(), 4), kept = base;
  gemm(*exec, out, a, b, options, has_base ? base : Tensor());
  CHECK(same_bits(base, kept));
  synchronize(*exec);  // zeros for k = 0 are not a launch
  const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-4;
  double worst = 0;
  for (int64_t index = 0; index < out.tensor().numel(); ++index) {
    const int64_t j = index % c.n, i = index / c.n % c.m, batch = index / (c.n * c.m);
    double value = expected(a, b, batch, i, j, c.m, c.n, c.k, options);
    if (accumulate) value += element(before, index);
    if (has_base) value += element(base, index);
    if (relu) value = std::max(value, 0.0);
    worst = std::max(worst, std::abs(element(out, index) - value));
  }
  CHECK(worst < tolerance);
}

TEST_CASE("gemm: counts operations on request and rejects mismatched shapes", "[gemm]") {
  auto exec = make_exec();
  Owned a = random_tensor(DType::f32, {4, 3}, 1), b = random_tensor(DType::f32, {3, 5}, 2);
  Owned c = zeros(DType::f32, {4, 5}), wrong = zeros(DType::f32, {4, 4});
  gemm(*exec, c, a, b);
  CHECK(flops_of(exec->state<GemmCounts>()) == 0);
  exec->profiler.enable();
  for (int i = 0; i < 2; ++i) gemm(*exec, c, a, b);
  CHECK(flops_of(exec->state<GemmCounts>()) == 2 * 2.0 * 4 * 5 * 3);
  CHECK_THROWS_AS(gemm(*exec, wrong, a, b), InternalError);
  CHECK_THROWS_AS(gemm(*exec, c, a, b, {}, wrong), InternalError);
  CHECK_THROWS_AS(gemm(*exec, c, a, b, {.accumulate = true}, c), InternalError);
  CHECK_THROWS_AS(gemm(*exec, c, a, b, {.accumulate = true, .relu = true}), InternalError);
}

TEST_CASE("gemm: overwriting does not read c", "[gemm]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  auto exec = make_exec();
  Owned a = random_tensor(dtype, {4, 3}, 1), b = random_tensor(dtype, {3, 5}, 2);
  Owned c(dtype, {4, 5}), nothing(dtype, {0, 3, 5}), none(dtype, {0, 4, 5}), no_a(dtype, {0, 4, 3});
  for (int64_t i = 0; i < 20; ++i) {
    if (dtype == DType::f32) c.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
    if (dtype == DType::f64) c.data<double>()[i] = std::numeric_limits<double>::quiet_NaN();
  }
  gemm(*exec, c, a, b);
  for (int64_t i = 0; i < 20; ++i) {
    CHECK(element(c, i) == Approx(expected(a, b, 0, i / 5, i % 5, 4, 5, 3, {})).margin(1e-5));
  }
  gemm(*exec, none, no_a, nothing);  // an empty batch
}

TEST_CASE("gemm: planned scratch suffices, and later calls allocate nothing", "[gemm]") {
  GemmOptions options{GENERATE(false, true), GENERATE(false, true), GENERATE(false, true)};
  options.relu = !options.accumulate && !options.transpose_a;
  const bool has_base = !options.accumulate && !options.relu;
  const int64_t batch = GENERATE(1, 3);
  const Shape square{batch, 96, 96};
  Exec exec;
  use_test_backend(exec);
  exec.threads = 2;
  exec.planning = true;
  const Tensor planned(nullptr, DType::f32, square);
  gemm(exec, planned, planned, planned, options, has_base ? planned : Tensor());
  CHECK(flops_of(exec.state<GemmCounts>()) == 0);
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  Owned a = random_tensor(DType::f32, square, 1), b = random_tensor(DType::f32, square, 2);
  Owned c = zeros(DType::f32, square), other = a;
  const Tensor base = has_base ? other : Tensor();
  gemm(exec, c, a, b, options, base);
  const Allocations before = allocations();
  for (int repeat = 0; repeat < 10; ++repeat) gemm(exec, c, a, b, options, base);
  // Views and oneDNN's own argument map, in small allocations.
  CHECK(allocations().bytes - before.bytes < 10 * 1024);
  CHECK(exec.scratch.high_water() == exec.scratch.capacity());
  CHECK(exec.scratch.top() == 0);
}

TEST_CASE("gemm: uses the Exec's threads and leaves OpenMP's setting unchanged", "[gemm]") {
  auto exec = make_exec(1);
  Owned a = random_tensor(DType::f32, {130, 70}, 1), b = random_tensor(DType::f32, {70, 90}, 2);
  Owned c = zeros(DType::f32, {130, 90});
  const int before = omp_get_max_threads();
  for (const int threads : {1, 3, 2}) {
    exec->threads = threads;
    gemm(*exec, c, a, b);
    CHECK(omp_get_max_threads() == before);
    for (int64_t i = 0; i < c.tensor().numel(); i += 7) {
      CHECK(element(c, i) ==
            Approx(expected(a, b, 0, i / 90, i % 90, 130, 90, 70, {})).margin(1e-4));
    }
  }
}

}  // namespace
}  // namespace sy
