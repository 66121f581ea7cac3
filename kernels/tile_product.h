// Small matrix products inside a kernel: one thread, operands in cache, no allocation. The right
// operand and the result are packed: rows of whole strips of vectors, zero beyond their width.
#pragma once

#include <cstdint>
#include <cstring>

namespace sy {

template <class T>
struct TileVector {
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr int kStrip = 2 * kLanes;  // columns that a register block covers
  // May alias: the memory is also read as T.
  typedef T type __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
};

// Columns rounded up to whole strips.
template <class T>
inline int64_t tile_width(int64_t cols) {
  constexpr int64_t strip = TileVector<T>::kStrip;
  return (cols + strip - 1) / strip * strip;
}

// Distance between rows of a wide tile: a strip's worth more than its width would make rows of a
// power of two meet in the same cache sets; one vector more spreads them.
template <class T>
inline int64_t tile_stride(int64_t cols) {
  return tile_width<T>(cols) + TileVector<T>::kLanes;
}

// One register block: kRows rows and a strip of columns of c (+)= a b.
template <class T, int kRows>
inline void tile_block(T* c, int64_t ldc, const T* a, int64_t a_row, int64_t a_col, const T* b,
                       int64_t ldb, int64_t k, bool accumulate) {
  using Vector = typename TileVector<T>::type;
  constexpr int kLanes = TileVector<T>::kLanes;
  Vector left[kRows], right[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    if (accumulate) {
      left[r] = *reinterpret_cast<const Vector*>(c + r * ldc);
      right[r] = *reinterpret_cast<const Vector*>(c + r * ldc + kLanes);
    } else {
      left[r] = Vector{};
      right[r] = Vector{};
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    const Vector b0 = *reinterpret_cast<const Vector*>(b + p * ldb);
    const Vector b1 = *reinterpret_cast<const Vector*>(b + p * ldb + kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const T scalar = a[r * a_row + p * a_col];
      left[r] += scalar * b0;
      right[r] += scalar * b1;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    *reinterpret_cast<Vector*>(c + r * ldc) = left[r];
    *reinterpret_cast<Vector*>(c + r * ldc + kLanes) = right[r];
  }
}

// c [m, width] (+)= a [m, k] b [k, width]: a's element (i, p) is a[i * a_row + p * a_col], so it
// may be transposed; width is a multiple of the strip; b and c are packed.
template <class T>
inline void tile_product(T* c, int64_t ldc, const T* a, int64_t a_row, int64_t a_col, const T* b,
                         int64_t ldb, int64_t m, int64_t width, int64_t k, bool accumulate) {
  constexpr int kRows = 6;
  for (int64_t j = 0; j < width; j += TileVector<T>::kStrip) {
    int64_t i = 0;
    for (; i + kRows <= m; i += kRows) {
      tile_block<T, kRows>(c + i * ldc + j, ldc, a + i * a_row, a_row, a_col, b + j, ldb, k,
                           accumulate);
    }
    for (; i < m; ++i) {
      tile_block<T, 1>(c + i * ldc + j, ldc, a + i * a_row, a_row, a_col, b + j, ldb, k,
                       accumulate);
    }
  }
}

// packed [rows, width] = x [rows, cols] with rows `stride` apart; zeros beyond cols.
template <class T>
inline void tile_pack(T* packed, int64_t ld, const T* x, int64_t stride, int64_t rows,
                      int64_t cols) {
  const int64_t width = tile_width<T>(cols);
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(packed + r * ld, x + r * stride, static_cast<size_t>(cols) * sizeof(T));
    std::memset(packed + r * ld + cols, 0, static_cast<size_t>(width - cols) * sizeof(T));
  }
}

// packed [cols, width(rows)] = the transpose of x [rows, cols]; zeros beyond rows.
template <class T>
inline void tile_pack_transposed(T* packed, int64_t ld, const T* x, int64_t stride, int64_t rows,
                                 int64_t cols) {
  const int64_t width = tile_width<T>(rows);
  for (int64_t c = 0; c < cols; ++c) {
    std::memset(packed + c * ld + rows, 0, static_cast<size_t>(width - rows) * sizeof(T));
  }
  constexpr int64_t kBlock = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = r0 + kBlock < rows ? r0 + kBlock : rows;
    for (int64_t c = 0; c < cols; ++c) {
      for (int64_t r = r0; r < r1; ++r) packed[c * ld + r] = x[r * stride + c];
    }
  }
}

}  // namespace sy
