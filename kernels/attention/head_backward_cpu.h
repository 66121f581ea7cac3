// SPDX-License-Identifier: Apache-2.0
// Backward of head_cpu.h. Probabilities are not kept: a block's scores are recomputed, and log_sum
// turns them into probabilities.
#pragma once

#include "kernels/attention/head_cpu.h"

namespace sy::cpu_attention {

// For row r of the block: scores become dropped-out probabilities (for d_v), and
// d_scores, which hold d_out v^T, become the gradient of the scores.
//   p = exp(s - log_sum),  d_s = p (mask d_p - dot),  dot = sum_c d_out_c out_c
template <class T>
void Head<T>::backward_row(const Block& block, int64_t r, C log_sum, C dot) const {
  C *p = w.scores + r * s.wide, *ds = w.d_scores + r * s.wide;
  const int64_t i = block.begin + r;
  const Seen part = seen(block, i);
  clear_unseen(p, block, part);
  clear_unseen(ds, block, part);
  const int64_t key = first_visible(i), keys = part.end - part.first;
  p += part.first;
  ds += part.first;
  add_bias(p, i, key, keys);
  if (spec.dropout_rate > 0) {
    load_mask(i, key, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) {
      const C prob = vector_exp(p[j] - log_sum);
      ds[j] = prob * (w.mask[j] * ds[j] - dot);
      p[j] = prob * w.mask[j];
    }
  } else {
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) {
      p[j] = vector_exp(p[j] - log_sum);
      ds[j] = p[j] * (ds[j] - dot);
    }
  }
  if (!has_bias) return;
  C* diagonal = w.diagonal + (s.lq - 1 - i + key);
#pragma omp simd
  for (int64_t j = 0; j < keys; ++j) diagonal[j] += ds[j];
}

template <class T>
void Head<T>::backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const C* log_sum,
                       const T* q, const T* k, const T* v) {
  const int64_t keys_at = offset(s.lk);
  tile_right_transposed<T>(w.k_transposed, s.wide, k + keys_at, s.row, s.lk, s.d);
  tile_right_transposed<T>(w.v_transposed, s.wide, v + keys_at, s.row, s.lk, s.d);
  tile_right<T>(w.k_packed, s.narrow, k + keys_at, s.row, s.lk, s.d);
  std::fill_n(w.d_k, s.lk * s.narrow, C(0));
  std::fill_n(w.d_v, s.lk * s.narrow, C(0));
  std::fill_n(w.diagonal, s.lq + s.lk, C(0));
  const C* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const Block now = block(begin);
    const int64_t rows = now.rows, keys = now.keys, first = now.first;
    const int64_t start = offset(s.lq) + begin * s.row;
    row_products(w.scores, q + start, w.k_transposed + first, rows, keys);
    row_products(w.d_scores, d_out + start, w.v_transposed + first, rows, keys);
    for (int64_t r = 0; r < rows; ++r) {
      const T *a = d_out + start + r * s.row, *b = out + start + r * s.row;
      C dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t c = 0; c < s.d; ++c) dot += C(a[c]) * C(b[c]);
      backward_row(now, r, sums[begin + r], dot);
    }
    tile_right<T>(w.q_packed, s.narrow, q + start, s.row, rows, s.d);
    tile_right<T>(w.d_out_packed, s.narrow, d_out + start, s.row, rows, s.d);
    column_products(w.d_v + first * s.narrow,
                    tile_left_transposed<T>(w.left, w.scores, s.wide, rows, keys), w.d_out_packed,
                    keys, true);
    column_products(w.d_k + first * s.narrow,
                    tile_left_transposed<T>(w.left, w.d_scores, s.wide, rows, keys), w.q_packed,
                    keys, true);
    column_products(w.result, tile_left_of_result<T>(w.left, w.d_scores, s.wide, rows, keys),
                    w.k_packed + tile_words<T>(first) * s.narrow, rows, false);
    store(d_q + start, s.row, w.result, s.narrow, rows, s.d);
  }
  store(d_k + keys_at, s.row, w.d_k, s.narrow, s.lk, s.d);
  store(d_v + keys_at, s.row, w.d_v, s.narrow, s.lk, s.d);
}

// d_bias [num_buckets] of this head and sequence, from the sums along diagonals.
template <class T>
void Head<T>::fold_diagonal(C* d_bias, const int32_t* buckets, int64_t num_buckets) const {
  std::fill_n(d_bias, num_buckets, C(0));
  for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) d_bias[buckets[x]] += w.diagonal[x];
}

}  // namespace sy::cpu_attention
