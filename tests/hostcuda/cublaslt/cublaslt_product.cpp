// SPDX-License-Identifier: Apache-2.0
// The arithmetic: D is computed tile by tile, each summed over panels of A and B that were first
// copied into the order in which the loop reads them.
#include <algorithm>
#include <vector>

#include "lib/tensor/bfloat16.h"
#include "tests/hostcuda/cublaslt/cublaslt.h"

namespace sy::hostcuda {
namespace {

// The size of a tile. With fewer rows GCC unrolls the loop over them instead of vectorizing it.
constexpr int kRows = 32, kCols = 8;

// to[p][i] = from[i * step + p * depth_step]; zeros from `count` to `width`.
template <class Sum, class T>
void pack(Sum* to, int width, const T* from, int64_t count, int64_t step, int64_t depth_step,
          int64_t depth) {
  const int64_t filled = std::min<int64_t>(count, width);
  for (int64_t p = 0; p < depth; ++p, to += width, from += depth_step) {
    for (int64_t i = 0; i < filled; ++i) to[i] = static_cast<Sum>(from[i * step]);
    std::fill(to + filled, to + width, Sum(0));
  }
}

// sums[j][i] = sum over p in [begin, end) of a[p][i] b[p][j].
template <class Sum>
void sum_tile(Sum (&sums)[kCols][kRows], const Sum* __restrict__ a, const Sum* __restrict__ b,
              int64_t begin, int64_t end) {
  for (auto& column : sums) std::fill(std::begin(column), std::end(column), Sum(0));
  for (int64_t p = begin; p < end; ++p) {
    const Sum *left = a + p * kRows, *right = b + p * kCols;
    for (int j = 0; j < kCols; ++j) {
      const Sum by = right[j];
      for (int i = 0; i < kRows; ++i) sums[j][i] += left[i] * by;
    }
  }
}

// One product of a batch.
template <class In, class Out, class Sum>
struct Multiplication {
  const In *a, *b;
  const Out* c;
  Out* d;
  Sum alpha, beta;
  int64_t m, n, k;
  int64_t a_row, a_col, b_row, b_col;  // strides of op(A) and op(B), in elements
  int64_t c_col, d_col;
  Sums order;
  bool relu;

  Sum rounded(Sum value) const {
    Out out;
    put(out, value);
    return static_cast<Sum>(out);
  }

  void sum(Sum (&sums)[kCols][kRows], const Sum* left, const Sum* right) const {
    const int64_t half = order == Sums::whole ? 0 : k / 2;
    sum_tile(sums, left, right, half, k);
    if (half == 0) return;
    Sum first[kCols][kRows];
    sum_tile(first, left, right, 0, half);
    for (int j = 0; j < kCols; ++j) {
      for (int i = 0; i < kRows; ++i)
        sums[j][i] += order == Sums::halves ? first[j][i] : rounded(first[j][i]);
    }
  }

  void write(const Sum (&sums)[kCols][kRows], int64_t row, int64_t col) const {
    const int64_t rows = std::min<int64_t>(kRows, m - row);
    const int64_t cols = std::min<int64_t>(kCols, n - col);
    for (int64_t j = 0; j < cols; ++j) {
      const Out* kept = beta == 0 ? nullptr : c + (col + j) * c_col + row;
      Out* out = d + (col + j) * d_col + row;
      for (int64_t i = 0; i < rows; ++i) {
        Sum value = alpha * sums[j][i];
        if (kept != nullptr) value += beta * static_cast<Sum>(kept[i]);
        put(out[i], relu && !(value > 0) ? Sum(0) : value);
      }
    }
  }

  void run() const {
    static thread_local std::vector<Sum> right, left;
    const int64_t panels = (n + kCols - 1) / kCols;
    right.resize(static_cast<size_t>(panels * k * kCols));
    left.resize(static_cast<size_t>(k * kRows));
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t col = panel * kCols;
      pack(right.data() + panel * k * kCols, kCols, b + col * b_col, n - col, b_col, b_row, k);
    }
    for (int64_t row = 0; row < m; row += kRows) {
      pack(left.data(), kRows, a + row * a_row, m - row, a_row, a_col, k);
      for (int64_t panel = 0; panel < panels; ++panel) {
        Sum sums[kCols][kRows];
        sum(sums, left.data(), right.data() + panel * k * kCols);
        write(sums, row, panel * kCols);
      }
    }
  }
};

template <class In, class Out, class Sum>
void multiply_batch(const Product& p, const ProductData& data, Sums sums) {
  const bool turn_a = p.desc.transpose_a != CUBLAS_OP_N, turn_b = p.desc.transpose_b != CUBLAS_OP_N;
  Multiplication<In, Out, Sum> one{.a = static_cast<const In*>(data.a),
                                   .b = static_cast<const In*>(data.b),
                                   .c = static_cast<const Out*>(data.c),
                                   .d = static_cast<Out*>(data.d),
                                   .alpha = static_cast<Sum>(data.alpha),
                                   .beta = static_cast<Sum>(data.beta),
                                   .m = static_cast<int64_t>(p.m()),
                                   .n = static_cast<int64_t>(p.n()),
                                   .k = static_cast<int64_t>(p.k()),
                                   .a_row = turn_a ? p.a.ld : 1,
                                   .a_col = turn_a ? 1 : p.a.ld,
                                   .b_row = turn_b ? p.b.ld : 1,
                                   .b_col = turn_b ? 1 : p.b.ld,
                                   .c_col = p.c.ld,
                                   .d_col = p.d.ld,
                                   .order = sums,
                                   .relu = p.desc.epilogue == CUBLASLT_EPILOGUE_RELU};
  for (int32_t entry = 0; entry < p.d.batch; ++entry) {
    one.run();
    one.a += p.a.stride;
    one.b += p.b.stride;
    one.c += data.beta == 0 ? 0 : p.c.stride;
    one.d += p.d.stride;
  }
}

}  // namespace

void multiply(const Product& product, const ProductData& data, Sums sums) {
  if (product.a.type == CUDA_R_64F)
    return multiply_batch<double, double, double>(product, data, sums);
  if (product.a.type == CUDA_R_32F) return multiply_batch<float, float, float>(product, data, sums);
  if (product.d.type == CUDA_R_32F)
    return multiply_batch<BFloat16, float, float>(product, data, sums);
  multiply_batch<BFloat16, BFloat16, float>(product, data, sums);
}

}  // namespace sy::hostcuda
