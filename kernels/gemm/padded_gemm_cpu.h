// SPDX-License-Identifier: Apache-2.0
// GEMMs whose operands oneDNN reads where they lie, as it does for narrow ones on processors with
// AVX2 but without AVX-512. An operand that is read down its columns, with rows of a multiple of 2
// KiB, meets the same few lines of the cache at every step, and from 4 KiB on a new page: half the
// rate (docs/performance.md, "Narrow products without AVX-512"). Such an operand is copied into
// rows that are one line longer.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/gemm/matmul_cpu.h"

namespace sy {

struct Padding {
  bool a = false, b = false;
};

// Of which operands of a float32 GEMM a copy pays.
inline Padding padding_of(const GemmShape& s) {
  constexpr int64_t kRowElements = 2048 / sizeof(float);
  constexpr int64_t kFewestUses = 32;  // of each element that is copied
  constexpr double kNarrow = 0.0038;   // oneDNN's own limit, see decisions.md
  static const bool in_place =
      matmul::has(dnnl::cpu_isa::avx2) && !matmul::has(dnnl::cpu_isa::avx512_core);
  const auto inverse = [](int64_t size) { return 1 / static_cast<double>(size); };
  if (!in_place || inverse(s.m) + inverse(s.n) < kNarrow) return {};
  return {s.options.transpose_a && s.m % kRowElements == 0 && s.n >= kFewestUses,
          !s.options.transpose_b && s.n % kRowElements == 0 && s.m >= kFewestUses};
}

// The parts in which a GEMM is multiplied, so that its copies need little memory: of several
// matrices, or of one and a part of its k.
struct PaddedParts {
  static constexpr int64_t kPad = 64 / sizeof(float);

  int64_t row;  // of a row of both operands' copies, with padding
  int64_t batch, k;

  PaddedParts(const GemmShape& s, Padding padding)
      : row((padding.a ? s.m + kPad : 0) + (padding.b ? s.n + kPad : 0)) {
    constexpr int64_t kElements = (16 << 20) / sizeof(float), kFewestRows = 256;
    const int64_t rows = std::max(kElements / row, kFewestRows);
    k = std::min(s.k, rows);
    batch = k < s.k ? 1 : std::clamp(rows / k, int64_t{1}, s.batch);
  }
};

// As many rows as there are, `cols` long, to rows that begin `ld` apart.
inline void copy_padded(float* to, const float* from, int64_t rows, int64_t cols, int64_t ld,
                        int threads) {
#pragma omp parallel for num_threads(threads)
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(to + row * ld, from + row * cols, static_cast<size_t>(cols) * sizeof(float));
  }
}

// One part: k from `k` on of matrices from `first` on.
struct PaddedProduct {
  Exec& exec;
  const GemmShape& whole;
  Padding padding;
  float *c, *a, *b, *base;
  float *a_copy, *b_copy;  // scratch

  void multiply(const PaddedParts& size, int64_t first, int64_t from) const {
    GemmShape part = whole;
    part.batch = std::min(size.batch, whole.batch - first);
    part.k = std::min(size.k, whole.k - from);
    part.options.accumulate = whole.options.accumulate || from > 0;
    part.options.relu = whole.options.relu && from + part.k == whole.k;
    part.has_base = whole.has_base && from == 0;
    part.shared_a = whole.shared_a && part.batch > 1;
    matmul::Layout layout = matmul::dense(whole);
    layout.shape = part;
    const int64_t a_first = whole.shared_a ? 0 : first, a_count = whole.shared_a ? 1 : part.batch;
    float* left =
        at(a, a_first * whole.m * whole.k + from * (whole.options.transpose_a ? whole.m : 1));
    float* right =
        at(b, first * whole.k * whole.n + from * (whole.options.transpose_b ? 1 : whole.n));
    if (padding.a) left = pad(left, a_copy, a_count * part.k, whole.m, layout.lda);
    if (padding.b) right = pad(right, b_copy, part.batch * part.k, whole.n, layout.ldb);
    const int64_t out = first * whole.m * whole.n;
    matmul::run(exec, layout, at(c, out), left, right, part.has_base ? at(base, out) : nullptr);
  }

 private:
  // There is no memory while planning.
  float* at(float* tensor, int64_t offset) const {
    return exec.planning ? tensor : tensor + offset;
  }

  float* pad(const float* from, float* copy, int64_t rows, int64_t cols, int64_t& ld) const {
    ld = cols + PaddedParts::kPad;
    if (!exec.planning) copy_padded(copy, from, rows, cols, ld, exec.threads);
    return copy;
  }
};

// A float32 GEMM, with copies where they pay. base may be null.
inline void multiply_float32(Exec& exec, const GemmShape& shape, float* c, float* a, float* b,
                             float* base) {
  const Padding padding = padding_of(shape);
  if (!padding.a && !padding.b) {
    return matmul::run(exec, matmul::dense(shape), c, a, b, base);
  }
  const PaddedParts parts(shape, padding);
  const int64_t rows = parts.batch * parts.k;
  ScratchScope scope(exec);
  const auto take = [&](bool needed, int64_t cols) -> float* {
    if (!needed) return nullptr;
    return scope.take(DType::f32, {rows, cols + PaddedParts::kPad}, "padded").data<float>();
  };
  float* const a_copy = take(padding.a, shape.m);
  float* const b_copy = take(padding.b, shape.n);
  const PaddedProduct product{exec, shape, padding, c, a, b, base, a_copy, b_copy};
  for (int64_t first = 0; first < shape.batch; first += parts.batch) {
    for (int64_t k = 0; k < shape.k; k += parts.k) product.multiply(parts, first, k);
  }
}

}  // namespace sy
