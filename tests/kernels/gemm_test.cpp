#include "kernels/gemm.h"

#include <catch2/catch.hpp>

#include "tests/support/gradcheck.h"

namespace sy {
namespace {
using namespace test;

struct Case {
  int64_t batch, m, n, k;
  GemmOptions options;
};

Shape matrix(const Case& c, int64_t rows, int64_t cols, bool transposed) {
  if (transposed) std::swap(rows, cols);
  return c.batch < 0 ? Shape{rows, cols} : Shape{c.batch, rows, cols};
}

// Element of op(x), where x has `rows` x `cols` in memory after transposition.
double element(Tensor x, int64_t batch, int64_t row, int64_t col, bool transposed) {
  const int64_t rows = x.dim(-2), cols = x.dim(-1);
  const int64_t index = batch * rows * cols + (transposed ? col * cols + row : row * cols + col);
  return x.dtype() == DType::f64 ? x.data<double>()[index] : x.data<float>()[index];
}

// Largest error of c against its definition; `before` is c's content before the product.
double product_error(const Case& t, Tensor c, Tensor before, Tensor a, Tensor b) {
  double worst = 0;
  for (int64_t batch = 0; batch < std::abs(t.batch); ++batch) {
    for (int64_t i = 0; i < t.m; ++i) {
      for (int64_t j = 0; j < t.n; ++j) {
        double sum = t.options.accumulate ? element(before, batch, i, j, false) : 0;
        for (int64_t k = 0; k < t.k; ++k) {
          sum += element(a, batch, i, k, t.options.transpose_a) *
                 element(b, batch, k, j, t.options.transpose_b);
        }
        worst = std::max(worst, std::abs(sum - element(c, batch, i, j, false)));
      }
    }
  }
  return worst;
}

TEST_CASE("gemm: every form agrees with its definition", "[gemm]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  // A batch of -1 stands for two axes.
  Case t = GENERATE(Case{-1, 1, 1, 1, {}}, Case{-1, 7, 5, 3, {}}, Case{-1, 65, 130, 70, {}},
                    Case{-1, 1, 33, 16, {}}, Case{-1, 33, 1, 16, {}}, Case{-1, 5, 6, 1, {}},
                    Case{1, 4, 6, 8, {}}, Case{3, 5, 7, 9, {}}, Case{4, 64, 64, 64, {}});
  t.options.transpose_a = GENERATE(false, true);
  t.options.transpose_b = GENERATE(false, true);
  t.options.accumulate = GENERATE(false, true);
  auto exec = make_exec();
  Owned a = random_tensor(dtype, matrix(t, t.m, t.k, t.options.transpose_a), 1);
  Owned b = random_tensor(dtype, matrix(t, t.k, t.n, t.options.transpose_b), 2);
  Owned before = random_tensor(dtype, matrix(t, t.m, t.n, false), 3), c = before;
  gemm(*exec, c, a, b, t.options);
  INFO("batch " << t.batch << ", " << t.m << " x " << t.n << " x " << t.k);
  CHECK(product_error(t, c, before, a, b) < (dtype == DType::f64 ? 1e-12 : 1e-4));
  CHECK(exec->profiler.gemm_flops ==
        2.0 * static_cast<double>(std::abs(t.batch) * t.m * t.n * t.k));
}

TEST_CASE("gemm: empty axes", "[gemm]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const bool accumulate = GENERATE(false, true);
  const Case t = GENERATE(Case{-1, 0, 3, 4, {}}, Case{-1, 3, 0, 4, {}}, Case{-1, 3, 4, 0, {}},
                          Case{0, 2, 3, 4, {}}, Case{2, 3, 4, 0, {}});
  auto exec = make_exec();
  Owned a = random_tensor(dtype, matrix(t, t.m, t.k, false), 1);
  Owned b = random_tensor(dtype, matrix(t, t.k, t.n, false), 2);
  Owned before = random_tensor(dtype, matrix(t, t.m, t.n, false), 3), c = before;
  GemmOptions options;
  options.accumulate = accumulate;
  gemm(*exec, c, a, b, options);
  for (int64_t i = 0; i < c.tensor().numel(); ++i) {
    const double expected =
        accumulate ? element(before.tensor().view({1, c.tensor().numel()}), 0, 0, i, false) : 0.0;
    CHECK(element(c.tensor().view({1, c.tensor().numel()}), 0, 0, i, false) == expected);
  }
}

}  // namespace
}  // namespace sy
