// SPDX-License-Identifier: Apache-2.0
// Sizes and per-thread scratch of attention on the CPU.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/attention/tile_operand_cpu.h"

namespace sy::cpu_attention {

constexpr int64_t kQueryRows = 48;  // a multiple of the register block's rows
constexpr int64_t kKeyStep = 16;    // a multiple of a vector's lanes and of a word's numbers

// The sizes of a call, and the packed strides that follow from them.
template <class T>
struct Sizes {
  int64_t heads, lq, lk, d;
  int64_t row = 0;     // distance between tokens in q, k, v, out
  int64_t wide = 0;    // row stride of tiles with lk columns
  int64_t narrow = 0;  // row stride of tiles with d columns

  Sizes(int64_t num_heads, int64_t queries, int64_t keys, int64_t d_kv)
      : heads(num_heads), lq(queries), lk(keys), d(d_kv) {
    row = heads * d;
    wide = tile_stride<T>(lk);
    narrow = tile_width<T>(d);
  }
};

// One thread's work area, carved from memory. Operands of products are made of words, results of
// Compute<T>; both have the same size per element. Forward does not use the tail that backward
// adds.
template <class T>
struct Work {
  using C = Compute<T>;
  static_assert(sizeof(C) == sizeof(Word<T>));

  Word<T>*k_transposed, *v_packed, *left;
  C *scores, *result, *bias, *mask;
  Word<T>*v_transposed, *k_packed, *q_packed, *d_out_packed;
  C *d_scores, *d_k, *d_v, *diagonal;
  int64_t elements = 0;

  Work(C* memory, const Sizes<T>& s, bool backward) {
    const auto take = [&](auto*& place, int64_t count) {
      C* start = memory == nullptr ? nullptr : memory + elements;
      place = reinterpret_cast<std::remove_reference_t<decltype(place)>>(start);
      elements +=
          (count + TileVector<T>::kLanes - 1) / TileVector<T>::kLanes * TileVector<T>::kLanes;
    };
    const int64_t depth = tile_words<T>(s.d), keys = tile_words<T>(s.lk);
    const int64_t queries = tile_words<T>(kQueryRows);
    take(k_transposed, depth * s.wide);
    take(v_packed, keys * s.narrow);
    // The left operand that is currently packed, if memory's layout cannot be used directly.
    take(left, TileWord<T>::kDepth == 1 ? 0 : kQueryRows * std::max(depth, keys));
    take(scores, kQueryRows * s.wide);
    take(result, kQueryRows * s.narrow);
    take(bias, s.lq + s.lk);
    take(mask, s.lk);
    if (!backward) return;
    take(v_transposed, depth * s.wide);
    take(k_packed, keys * s.narrow);
    take(d_scores, kQueryRows * s.wide);
    take(q_packed, queries * s.narrow);
    take(d_out_packed, queries * s.narrow);
    take(d_k, s.lk * s.narrow);
    take(d_v, s.lk * s.narrow);
    take(diagonal, s.lq + s.lk);
  }
};

// out [rows, cols], with rows `stride` apart = a result, rounded to T.
template <class T>
void store(T* out, int64_t stride, const Compute<T>* result, int64_t ld, int64_t rows,
           int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    T* to = out + r * stride;
    const Compute<T>* from = result + r * ld;
#pragma omp simd
    for (int64_t c = 0; c < cols; ++c) put(to[c], from[c]);
  }
}

}  // namespace sy::cpu_attention
