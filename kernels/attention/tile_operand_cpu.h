// SPDX-License-Identifier: Apache-2.0
// Makes operands of tile_gemm from matrices in memory and from its own results. The numbers of a
// word are adjacent along the contraction, so an operand is packed for the axis that is summed
// over. Places beyond the last number of a word and beyond the last column of a row are zero.
#pragma once

#include <cstring>

#include "kernels/attention/tile_gemm_cpu.h"

namespace sy {

// A left operand: word (i, p), p < k, is data[i * row + p * col].
template <class T>
struct TileLeft {
  const Word<T>* data;
  int64_t row, col, k;
};

inline uint32_t word_of(uint16_t first, uint16_t second) {
  return static_cast<uint32_t>(first) | static_cast<uint32_t>(second) << 16;
}

// Left operand, summed over columns: x [rows, cols] with rows `stride` apart. It is copied to
// `packed` [rows, k] if it cannot be used in place.
template <class T>
inline TileLeft<T> tile_left(Word<T>* packed, const T* x, int64_t stride, int64_t rows,
                             int64_t cols) {
  if constexpr (TileWord<T>::kDepth == 1) {
    return {x, stride, 1, cols};
  } else {
    const int64_t k = tile_words<T>(cols);
    for (int64_t r = 0; r < rows; ++r) {
      packed[(r + 1) * k - 1] = 0;
      std::memcpy(packed + r * k, x + r * stride, static_cast<size_t>(cols) * sizeof(T));
    }
    return {packed, k, 1, k};
  }
}

// Left operand, summed over columns (if there are any), from a result [rows, cols], rounded to T.
template <class T>
inline TileLeft<T> tile_left_of_result(Word<T>* packed, const Compute<T>* x, int64_t ld,
                                       int64_t rows, int64_t cols) {
  if constexpr (TileWord<T>::kDepth == 1) {
    return {x, ld, 1, cols};
  } else {
    const int64_t k = tile_words<T>(cols);
    for (int64_t r = 0; k > 0 && r < rows; ++r) {
      packed[(r + 1) * k - 1] = 0;
      BFloat16* to = reinterpret_cast<BFloat16*>(packed + r * k);
      const float* from = x + r * ld;
#pragma omp simd
      for (int64_t c = 0; c < cols; ++c) put(to[c], from[c]);
    }
    return {packed, k, 1, k};
  }
}

// Transposed left operand, summed over rows, from a result [rows, cols], rounded to T.
template <class T>
inline TileLeft<T> tile_left_transposed(Word<T>* packed, const Compute<T>* x, int64_t ld,
                                        int64_t rows, int64_t cols) {
  if constexpr (TileWord<T>::kDepth == 1) {
    return {x, 1, ld, rows};
  } else {
    const int64_t k = tile_words<T>(rows);
    for (int64_t p = 0; p < k; ++p) {
      const float *first = x + 2 * p * ld, *second = first + ld;
      uint32_t* to = packed + p * cols;
      if (2 * p + 1 < rows) {
#pragma omp simd
        for (int64_t c = 0; c < cols; ++c) {
          to[c] = word_of(bfloat16_bits(first[c]), bfloat16_bits(second[c]));
        }
      } else {
#pragma omp simd
        for (int64_t c = 0; c < cols; ++c) to[c] = bfloat16_bits(first[c]);
      }
    }
    return {packed, 1, cols, k};
  }
}

// Right operand, summed over rows: packed [words of rows, width(cols)] from x [rows, cols].
template <class T>
inline void tile_right(Word<T>* packed, int64_t ld, const T* x, int64_t stride, int64_t rows,
                       int64_t cols) {
  const int64_t width = tile_width<T>(cols);
  for (int64_t p = 0; p < tile_words<T>(rows); ++p) {
    Word<T>* to = packed + p * ld;
    const T* first = x + p * TileWord<T>::kDepth * stride;
    if constexpr (TileWord<T>::kDepth == 1) {
      std::memcpy(to, first, static_cast<size_t>(cols) * sizeof(T));
    } else if (2 * p + 1 < rows) {
      const T* second = first + stride;
#pragma omp simd
      for (int64_t c = 0; c < cols; ++c) to[c] = word_of(first[c].bits, second[c].bits);
    } else {
#pragma omp simd
      for (int64_t c = 0; c < cols; ++c) to[c] = first[c].bits;
    }
    std::memset(to + cols, 0, static_cast<size_t>(width - cols) * sizeof(Word<T>));
  }
}

// Transposed right operand, summed over columns: packed [words of cols, width(rows)] from x [rows,
// cols].
template <class T>
inline void tile_right_transposed(Word<T>* packed, int64_t ld, const T* x, int64_t stride,
                                  int64_t rows, int64_t cols) {
  constexpr int64_t kDepth = TileWord<T>::kDepth, kBlock = 16;
  const int64_t width = tile_width<T>(rows), words = tile_words<T>(cols);
  for (int64_t p = 0; p < words; ++p) {
    std::memset(packed + p * ld + rows, 0, static_cast<size_t>(width - rows) * sizeof(Word<T>));
  }
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = r0 + kBlock < rows ? r0 + kBlock : rows;
    for (int64_t p = 0; p < words; ++p) {
      for (int64_t r = r0; r < r1; ++r) {
        const T* pair = x + r * stride + p * kDepth;
        if constexpr (kDepth == 1) {
          packed[p * ld + r] = *pair;
        } else {
          packed[p * ld + r] =
              p * kDepth + 1 < cols ? word_of(pair[0].bits, pair[1].bits) : pair[0].bits;
        }
      }
    }
  }
}

}  // namespace sy
