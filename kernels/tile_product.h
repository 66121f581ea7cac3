// Small matrix products inside a kernel: one thread, operands in cache, no allocation. The right
// operand and the result are packed: rows of whole vectors, zero beyond their width.
#pragma once

#include <cstdint>
#include <cstring>

namespace sy {

// A register block is kRows x kVectors accumulators: what the target's registers hold beside a row
// of the right operand.
template <class T>
struct TileVector {
#if defined(__AVX512F__)
  static constexpr int kBytes = 64, kVectors = 4;
#elif defined(__AVX__)
  static constexpr int kBytes = 32, kVectors = 2;
#else
  static constexpr int kBytes = 16, kVectors = 2;
#endif
  static constexpr int kRows = 6;
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  // May alias: the memory is also read as T.
  typedef T type __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
};

// Columns rounded up to whole vectors.
template <class T>
inline int64_t tile_width(int64_t cols) {
  constexpr int64_t lanes = TileVector<T>::kLanes;
  return (cols + lanes - 1) / lanes * lanes;
}

// Distance between rows of a wide tile, an odd number of cache lines: rows a power of two apart
// would meet in the same cache sets.
template <class T>
inline int64_t tile_stride(int64_t cols) {
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  return ((cols + line - 1) / line | 1) * line;
}

// One register block: kRows rows and kVectors vectors of columns of c (+)= a b.
template <class T, int kRows, int kVectors>
inline void tile_block(T* c, int64_t ldc, const T* a, int64_t a_row, int64_t a_col, const T* b,
                       int64_t ldb, int64_t k, bool accumulate) {
  using Vector = typename TileVector<T>::type;
  constexpr int kLanes = TileVector<T>::kLanes;
  Vector sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] =
          accumulate ? *reinterpret_cast<const Vector*>(c + r * ldc + v * kLanes) : Vector{};
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    Vector right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      right[v] = *reinterpret_cast<const Vector*>(b + p * ldb + v * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const T left = a[r * a_row + p * a_col];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Vector*>(c + r * ldc + v * kLanes) = sum[r][v];
    }
  }
}

// All m rows of one strip of kVectors vectors: blocks of kRows rows, then of half as many for the
// rest, down to one.
template <class T, int kRows, int kVectors>
inline void tile_strip(T* c, int64_t ldc, const T* a, int64_t a_row, int64_t a_col, const T* b,
                       int64_t ldb, int64_t m, int64_t k, bool accumulate) {
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    tile_block<T, kRows, kVectors>(c + i * ldc, ldc, a + i * a_row, a_row, a_col, b, ldb, k,
                                   accumulate);
  }
  if constexpr (kRows > 1) {
    if (i < m) {
      tile_strip<T, kRows / 2, kVectors>(c + i * ldc, ldc, a + i * a_row, a_row, a_col, b, ldb,
                                         m - i, k, accumulate);
    }
  }
}

// c [m, width] (+)= a [m, k] b [k, width]: a's element (i, p) is a[i * a_row + p * a_col], so it
// may be transposed; width is a multiple of the lanes; b and c are packed.
template <class T, int kVectors = TileVector<T>::kVectors>
inline void tile_product(T* c, int64_t ldc, const T* a, int64_t a_row, int64_t a_col, const T* b,
                         int64_t ldb, int64_t m, int64_t width, int64_t k, bool accumulate) {
  constexpr int64_t kStrip = kVectors * TileVector<T>::kLanes;
  int64_t j = 0;
  for (; j + kStrip <= width; j += kStrip) {
    tile_strip<T, TileVector<T>::kRows, kVectors>(c + j, ldc, a, a_row, a_col, b + j, ldb, m, k,
                                                  accumulate);
  }
  if constexpr (kVectors > 1) {
    if (j < width) {
      tile_product<T, kVectors / 2>(c + j, ldc, a, a_row, a_col, b + j, ldb, m, width - j, k,
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
