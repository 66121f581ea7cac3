// SPDX-License-Identifier: Apache-2.0
// Maximum and sum of exponentials of a row of logits on the CPU.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/cpu/vector_math.h"

namespace sy {

constexpr int64_t kSumPiece = 2048;  // summed in T; these partial sums are added in float64

template <class T>
inline T largest_of(const T* x, int64_t count) {
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// The sum of e^(x - largest). With kStore the exponentials replace x, so that the gradient need not
// recompute them.
template <bool kStore, class T>
inline double sum_exp(T* x, int64_t count, T largest) {
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += kSumPiece) {
    const int64_t end = std::min(count, begin + kSumPiece);
    T piece = 0;
#pragma omp simd reduction(+ : piece)
    for (int64_t i = begin; i < end; ++i) {
      const T e = vector_exp(x[i] - largest);
      if constexpr (kStore) x[i] = e;
      piece += e;
    }
    total += static_cast<double>(piece);
  }
  return total;
}

}  // namespace sy
