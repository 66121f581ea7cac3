// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_shape.h"
#include "kernels/gemm/matmul_cpu.h"
#include "kernels/gemm/padded_gemm_cpu.h"
#include "kernels/gemm/widened_gemm_cpu.h"

namespace sy {
namespace {

// The operands op(a)[i, p] and op(b)[p, j] of one float64 GEMM.
struct Operands {
  const double *a, *b;
  int64_t m, n, k;
  GemmOptions options;
  double left(int64_t i, int64_t p) const {
    return options.transpose_a ? a[p * m + i] : a[i * k + p];
  }
  double right(int64_t p, int64_t j) const {
    return options.transpose_b ? b[j * k + p] : b[p * n + j];
  }
};

void multiply_row(const Operands& x, double* c, int64_t i) {
  for (int64_t p = 0; p < x.k; ++p) {
    const double left = x.left(i, p);
    for (int64_t j = 0; j < x.n; ++j) c[j] += left * x.right(p, j);
  }
}

// Float32 and bfloat16.
void multiply(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base, const GemmShape& shape) {
  if (shape.batch * shape.m * shape.n == 0) return;
  if (shape.k == 0) {
    if (shape.options.accumulate || exec.planning) return;
    const auto bytes = static_cast<size_t>(c.bytes());
    if (shape.has_base) {
      std::memcpy(c.raw(), base.raw(), bytes);
    } else {
      std::memset(c.raw(), 0, bytes);
    }
    return;
  }
  const matmul::ThreadCount threads(exec.threads);
  try {
    if (shape.in == DType::bf16 && !matmul::has_bfloat16()) {
      multiply_widened(exec, shape, c, a, b, base);
    } else if (shape.in == DType::bf16) {
      matmul::run(exec, matmul::dense(shape), c.raw(), a.raw(), b.raw(), base.raw());
    } else {
      multiply_float32(exec, shape, c.data<float>(), a.data<float>(), b.data<float>(),
                       base.empty() ? nullptr : base.data<float>());
    }
  } catch (const dnnl::error& error) {
    throw RuntimeFailure(fmt::format("oneDNN cannot multiply {} {} x {} by {} x {} (batch {}): {}",
                                     name_of(shape.in), shape.m, shape.k, shape.k, shape.n,
                                     shape.batch, error.what()));
  }
}

}  // namespace

template <>
void GemmImpl<Backend::cpu, float>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                        const GemmShape& shape) {
  multiply(exec, c, a, b, base, shape);
}

template <>
void GemmImpl<Backend::cpu, BFloat16>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                           const GemmShape& shape) {
  multiply(exec, c, a, b, base, shape);
}

// Used only by gradient checks, hence plain loops.
template <>
void GemmImpl<Backend::cpu, double>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                         const GemmShape& shape) {
  if (exec.planning) return;
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  double* out = c.data<double>();
  if (shape.has_base) {
    std::copy_n(base.data<double>(), c.numel(), out);
  } else if (!shape.options.accumulate) {
    std::fill(out, out + shape.batch * m * n, 0.0);
  }
#pragma omp parallel for num_threads(exec.threads)
  for (int64_t row = 0; row < shape.batch * m; ++row) {
    const int64_t entry = row / m;
    const Operands x{a.data<double>() + (shape.shared_a ? 0 : entry * m * k),
                     b.data<double>() + entry * k * n,
                     m,
                     n,
                     k,
                     shape.options};
    multiply_row(x, out + row * n, row % m);
  }
}

}  // namespace sy
