// SPDX-License-Identifier: Apache-2.0
// Small GEMMs inside a kernel: one thread, operands in cache, no allocation. The right operand and
// the result are packed: rows of whole vectors, with zeros beyond their width. Operands consist of
// words (tile_operand_cpu.h): one number, or two bfloat16 that are adjacent along the contraction,
// which are multiplied and summed in float32.
#pragma once

#include <cstdint>

#include "lib/tensor/bfloat16.h"
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace sy {

template <class T>
struct TileWord {
  using type = T;
  static constexpr int64_t kDepth = 1;  // numbers per word
};
template <>
struct TileWord<BFloat16> {
  // The first number lies in the lower half. may_alias, because words are also written as numbers.
  typedef uint32_t type __attribute__((may_alias));
  static constexpr int64_t kDepth = 2;
};
template <class T>
using Word = typename TileWord<T>::type;

// Words for `count` numbers along the contraction; the last one may be half empty.
template <class T>
constexpr int64_t tile_words(int64_t count) {
  return (count + TileWord<T>::kDepth - 1) / TileWord<T>::kDepth;
}

// A register block has kRows x kVectors accumulators, as many as the target's registers hold beside
// one row of the right operand.
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
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(Word<T>));
  typedef Compute<T> sums __attribute__((vector_size(kBytes)));
  typedef Word<T> words __attribute__((vector_size(kBytes)));
  // The same in memory: aligned as numbers are, and also read as numbers. No variable has these
  // types: the compiler may pass one in memory that the callee takes for aligned.
  typedef Compute<T> sums_in_memory
      __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
  typedef Word<T> words_in_memory
      __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
};

// sum + left * right, lane by lane.
template <class T>
inline typename TileVector<T>::sums multiply_add(typename TileVector<T>::sums sum, Word<T> left,
                                                 typename TileVector<T>::words right) {
  if constexpr (TileWord<T>::kDepth == 1) {
    return sum + left * right;
  } else {
#if defined(__AVX512BF16__)
    return reinterpret_cast<typename TileVector<T>::sums>(
        _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum),
                         reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left))),
                         reinterpret_cast<__m512bh>(right)));
#else
    // A bfloat16 is the upper half of a float32.
    using Sums = typename TileVector<T>::sums;
    const float first = std::bit_cast<float>(left << 16);
    const float second = std::bit_cast<float>(left & 0xffff0000u);
    sum += first * reinterpret_cast<Sums>(right << 16);
    return sum + second * reinterpret_cast<Sums>(right & 0xffff0000u);
#endif
  }
}

// `cols` rounded up to whole vectors.
template <class T>
inline int64_t tile_width(int64_t cols) {
  constexpr int64_t lanes = TileVector<T>::kLanes;
  return (cols + lanes - 1) / lanes * lanes;
}

// Row stride of a wide tile: an odd number of cache lines, because rows a power of two apart would
// map to the same cache sets.
template <class T>
inline int64_t tile_stride(int64_t cols) {
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(Word<T>));
  return ((cols + line - 1) / line | 1) * line;
}

// One register block: kRows rows and kVectors vectors of columns of c (+)= a b.
template <class T, int kRows, int kVectors>
inline void tile_block(Compute<T>* c, int64_t ldc, const Word<T>* a, int64_t a_row, int64_t a_col,
                       const Word<T>* b, int64_t ldb, int64_t k, bool accumulate) {
  using Sums = typename TileVector<T>::sums;
  using Words = typename TileVector<T>::words;
  using SumsInMemory = typename TileVector<T>::sums_in_memory;
  using WordsInMemory = typename TileVector<T>::words_in_memory;
  constexpr int kLanes = TileVector<T>::kLanes;
  Sums sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = accumulate
                      ? Sums(*reinterpret_cast<const SumsInMemory*>(c + r * ldc + v * kLanes))
                      : Sums{};
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    Words right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      right[v] = *reinterpret_cast<const WordsInMemory*>(b + p * ldb + v * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Word<T> left = a[r * a_row + p * a_col];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = multiply_add<T>(sum[r][v], left, right[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<SumsInMemory*>(c + r * ldc + v * kLanes) = sum[r][v];
    }
  }
}

// All m rows of a strip of kVectors vectors: blocks of kRows rows, then half as many for the
// remainder, down to one.
template <class T, int kRows, int kVectors>
inline void tile_strip(Compute<T>* c, int64_t ldc, const Word<T>* a, int64_t a_row, int64_t a_col,
                       const Word<T>* b, int64_t ldb, int64_t m, int64_t k, bool accumulate) {
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

// c [m, width] (+)= a [m, k] b [k, width], with k in words. Word (i, p) of a is a[i * a_row + p *
// a_col], so a may be transposed; width is a multiple of the lanes; b and c are packed.
template <class T, int kVectors = TileVector<T>::kVectors>
inline void tile_gemm(Compute<T>* c, int64_t ldc, const Word<T>* a, int64_t a_row, int64_t a_col,
                      const Word<T>* b, int64_t ldb, int64_t m, int64_t width, int64_t k,
                      bool accumulate) {
  constexpr int64_t kStrip = kVectors * TileVector<T>::kLanes;
  int64_t j = 0;
  for (; j + kStrip <= width; j += kStrip) {
    tile_strip<T, TileVector<T>::kRows, kVectors>(c + j, ldc, a, a_row, a_col, b + j, ldb, m, k,
                                                  accumulate);
  }
  if constexpr (kVectors > 1) {
    if (j < width) {
      tile_gemm<T, kVectors / 2>(c + j, ldc, a, a_row, a_col, b + j, ldb, m, width - j, k,
                                 accumulate);
    }
  }
}

}  // namespace sy
