// SPDX-License-Identifier: Apache-2.0
// bfloat16 GEMMs where oneDNN has none, on processors without AVX-512: operands are widened to
// float32 in scratch, multiplied, and the sums rounded once. No faster than float32.
#pragma once

#include <algorithm>

#include "kernels/gemm/padded_gemm_cpu.h"

namespace sy {

inline void widen(float* to, const BFloat16* from, int64_t count, int threads) {
#pragma omp parallel for simd num_threads(threads)
  for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

inline void round_to(BFloat16* to, const float* from, int64_t count, int threads) {
#pragma omp parallel for simd num_threads(threads)
  for (int64_t i = 0; i < count; ++i) put(to[i], from[i]);
}

// One matrix of the batch, in blocks of rows of op(a) so that what is widened stays small; where
// those are columns in memory and c is float32, in blocks of k.
struct WidenedProduct {
  static constexpr int64_t kRows = 1024;

  Exec& exec;
  GemmShape shape;         // batch 1
  float *a32, *b32, *c32;  // scratch; c32 only for a bfloat16 c

  static bool by_k(const GemmShape& s) {
    return s.options.transpose_a && !s.options.transpose_b && s.out == DType::f32 &&
           !s.options.relu && !s.has_base;
  }
  static int64_t rows_of(const GemmShape& s) {
    return s.options.transpose_a ? s.m : std::min(s.m, kRows);
  }
  static int64_t k_of(const GemmShape& s) { return by_k(s) ? std::min(s.k, kRows) : s.k; }

  // c and base are float32 or bfloat16, as shape.out says.
  void multiply(void* c, const BFloat16* a, const BFloat16* b, void* base) const {
    const int64_t rows = rows_of(shape), k = k_of(shape);
    for (int64_t from = 0; from < shape.k; from += k) {
      GemmShape part = shape;
      part.in = part.out = DType::f32;
      part.k = std::min(k, shape.k - from);
      part.options.accumulate = shape.options.accumulate || from > 0;
      if (!exec.planning) widen(b32, b + from * shape.n, part.k * shape.n, exec.threads);
      for (int64_t row = 0; row < shape.m; row += rows) {
        part.m = std::min(rows, shape.m - row);
        const int64_t first = shape.options.transpose_a ? from * shape.m : row * shape.k;
        if (!exec.planning) widen(a32, a + first, part.m * part.k, exec.threads);
        multiply_rows(part, row * shape.n, c, base);
      }
    }
  }

 private:
  void multiply_rows(GemmShape part, int64_t first, void* c, void* base) const {
    if (shape.out == DType::f32) {
      const auto at = [&](void* floats) {
        return exec.planning ? nullptr : static_cast<float*>(floats) + first;
      };
      multiply_float32(exec, part, at(c), a32, b32, shape.has_base ? at(base) : nullptr);
      return;
    }
    const int64_t count = part.m * part.n;
    const auto at = [&](void* values) { return static_cast<BFloat16*>(values) + first; };
    const bool adds = part.has_base || part.options.accumulate;
    if (adds && !exec.planning) widen(c32, at(part.has_base ? base : c), count, exec.threads);
    part.options.accumulate = adds;
    part.has_base = false;
    multiply_float32(exec, part, c32, a32, b32, nullptr);
    if (!exec.planning) round_to(at(c), c32, count, exec.threads);
  }
};

inline void multiply_widened(Exec& exec, const GemmShape& s, Tensor c, Tensor a, Tensor b,
                             Tensor base) {
  const int64_t rows = WidenedProduct::rows_of(s), k = WidenedProduct::k_of(s);
  ScratchScope scope(exec);
  const auto take = [&](int64_t count) {
    return scope.take(DType::f32, {count}, "widened").data<float>();
  };
  WidenedProduct product{exec, s, take(rows * k), take(k * s.n), nullptr};
  if (s.out == DType::bf16) product.c32 = take(rows * s.n);
  product.shape.batch = 1;
  product.shape.shared_a = false;
  if (exec.planning) return product.multiply(nullptr, nullptr, nullptr, nullptr);
  const int64_t of_c = s.m * s.n * static_cast<int64_t>(size_of(s.out));
  const auto at = [](Tensor x, int64_t bytes) {
    return x.empty() ? nullptr : static_cast<char*>(x.raw()) + bytes;
  };
  for (int64_t entry = 0; entry < s.batch; ++entry) {
    const int64_t of_a = s.shared_a ? 0 : entry * s.m * s.k;
    product.multiply(at(c, entry * of_c), a.data<BFloat16>() + of_a,
                     b.data<BFloat16>() + entry * s.k * s.n, at(base, entry * of_c));
  }
}

}  // namespace sy
