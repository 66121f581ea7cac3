#include "kernels/gemm.h"

#include <catch2/catch.hpp>

#include "tests/support/gradcheck.h"

namespace sy {
namespace {
using namespace test;

double element(Tensor x, int64_t index) {
  return x.dtype() == DType::f64 ? x.data<double>()[index] : x.data<float>()[index];
}

// The product by its definition, in float64.
double expected(Tensor a, Tensor b, int64_t batch, int64_t i, int64_t j, int64_t m, int64_t n,
                int64_t k, GemmOptions options) {
  double total = 0;
  for (int64_t p = 0; p < k; ++p) {
    const int64_t left = batch * m * k + (options.transpose_a ? p * m + i : i * k + p);
    const int64_t right = batch * k * n + (options.transpose_b ? j * k + p : p * n + j);
    total += element(a, left) * element(b, right);
  }
  return total;
}

struct Case {
  int64_t batch, m, n, k;
};

TEST_CASE("gemm: every transpose, accumulation and dtype against the definition", "[gemm]") {
  const Case c = GENERATE(Case{0, 5, 7, 3}, Case{0, 1, 1, 1}, Case{0, 64, 33, 17}, Case{3, 6, 5, 4},
                          Case{2, 1, 9, 70}, Case{0, 0, 4, 3}, Case{0, 4, 3, 0});
  const bool transpose_a = GENERATE(false, true), transpose_b = GENERATE(false, true);
  const bool accumulate = GENERATE(false, true);
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const GemmOptions options{transpose_a, transpose_b, accumulate};
  auto exec = make_exec();
  const auto shape = [&](int64_t rows, int64_t cols, bool transposed) {
    if (transposed) std::swap(rows, cols);
    return c.batch == 0 ? Shape{rows, cols} : Shape{c.batch, rows, cols};
  };
  Owned a = random_tensor(dtype, shape(c.m, c.k, transpose_a), 1);
  Owned b = random_tensor(dtype, shape(c.k, c.n, transpose_b), 2);
  Owned out = random_tensor(dtype, shape(c.m, c.n, false), 3);
  const Owned before = out;
  gemm(*exec, out, a, b, options);
  const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-4;
  double worst = 0;
  for (int64_t index = 0; index < out.tensor().numel(); ++index) {
    const int64_t j = index % c.n, i = index / c.n % c.m, batch = index / (c.n * c.m);
    double value = expected(a, b, batch, i, j, c.m, c.n, c.k, options);
    Owned kept = before;
    if (accumulate) value += element(kept, index);
    worst = std::max(worst, std::abs(element(out, index) - value));
  }
  CHECK(worst < tolerance);
}

TEST_CASE("gemm: counts its operations and refuses shapes that do not fit", "[gemm]") {
  auto exec = make_exec();
  Owned a = random_tensor(DType::f32, {4, 3}, 1), b = random_tensor(DType::f32, {3, 5}, 2);
  Owned c = zeros(DType::f32, {4, 5}), wrong = zeros(DType::f32, {4, 4});
  gemm(*exec, c, a, b);
  CHECK(exec->profiler.gemm_flops == 2.0 * 4 * 5 * 3);
  CHECK_THROWS_AS(gemm(*exec, wrong, a, b), InternalError);
}

}  // namespace
}  // namespace sy
