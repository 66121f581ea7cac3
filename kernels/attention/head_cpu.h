// SPDX-License-Identifier: Apache-2.0
// Attention forward for one head of one sequence on the CPU; backward is in head_backward_cpu.h.
// Blocks of kQueryRows queries are processed against all keys that they see: GEMMs of tiles, with
// the softmax row by row between them.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/head_scratch_cpu.h"
#include "kernels/cpu/philox_fill.h"
#include "kernels/cpu/vector_math.h"
#include "lib/base/numeric.h"

namespace sy::cpu_attention {

// One head of one sequence: where its data lies, and which keys a query sees.
template <class T>
struct Head {
  using C = Compute<T>;

  const Sizes<T>& s;
  const AttentionSpec& spec;
  int64_t sequence, head, key_length;
  Work<T>& w;
  bool has_bias;

  int64_t offset(int64_t length) const { return (sequence * length * s.heads + head) * s.d; }
  // Query i sees keys [0, visible(i)).
  int64_t visible(int64_t i) const {
    return spec.causal ? std::min(i + 1, key_length) : key_length;
  }

  // w.bias[j - i + lq - 1] = the table's entry for distance j - i.
  void load_bias(const C* table, const int32_t* buckets) const {
    for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) w.bias[x] = table[buckets[x] * s.heads + head];
  }

  // w.mask[0 .. count) = the dropout factors of row i.
  void load_mask(int64_t i, int64_t count) const {
    const C keep = C(1) / (C(1) - static_cast<C>(spec.dropout_rate));
    const float rate = spec.dropout_rate;
    const int64_t heads = spec.num_heads == 0 ? s.heads : spec.num_heads;
    const int64_t matrix = (spec.first_sequence + sequence) * heads + spec.first_head + head;
    const uint64_t first = static_cast<uint64_t>(spec.dropout_by_key ? matrix * round_up(s.lk, 4)
                                                                     : (matrix * s.lq + i) * s.lk);
    C* mask = w.mask;
    for_each_uniform(spec.dropout_key, first, count,
                     [=](int64_t j, float u) { mask[j] = u >= rate ? keep : C(0); });
  }

  // out [rows, keys] = x y^T for `rows` rows of x, without the bias; y is packed.
  void row_products(C* out, const T* x, const Word<T>* y_transposed, int64_t rows,
                    int64_t keys) const {
    const TileLeft<T> left = tile_left<T>(w.left, x, s.row, rows, s.d);
    tile_gemm<T>(out, s.wide, left.data, left.row, left.col, y_transposed, s.wide, rows,
                 tile_width<T>(keys), left.k, false);
  }

  // out [rows of left, d] (+)= left right, where right has d columns.
  void column_products(C* out, const TileLeft<T>& left, const Word<T>* right, int64_t rows,
                       bool accumulate) const {
    tile_gemm<T>(out, s.narrow, left.data, left.row, left.col, right, s.narrow, rows, s.narrow,
                 left.k, accumulate);
  }

  void add_bias(C* row, int64_t i, int64_t keys) const {
    if (!has_bias) return;
    const C* bias = w.bias + (s.lq - 1 - i);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] += bias[j];
  }

  // Keys that the block's last query sees: the columns of the block's products.
  int64_t block_keys(int64_t begin, int64_t rows) const {
    return visible(begin + rows - 1);
  }

  void forward(T* out, C* log_sum, const T* q, const T* k, const T* v);
  void softmax_row(C* row, C* log_sum, int64_t i, int64_t columns) const;
  void backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const C* log_sum, const T* q,
                const T* k, const T* v);
  void backward_row(int64_t r, int64_t i, int64_t columns, C log_sum, C dot) const;
  void fold_diagonal(C* d_bias, const int32_t* buckets, int64_t num_buckets) const;
};

// Converts the scores of query i to dropped-out probabilities; zero for keys that it does not see.
template <class T>
void Head<T>::softmax_row(C* row, C* log_sum, int64_t i, int64_t columns) const {
  const int64_t keys = visible(i);
  add_bias(row, i, keys);
  C largest = -std::numeric_limits<C>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t j = 0; j < keys; ++j) largest = row[j] > largest ? row[j] : largest;
  C total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t j = 0; j < keys; ++j) {
    row[j] = vector_exp(row[j] - largest);
    total += row[j];
  }
  *log_sum = keys == 0 ? C(0) : largest + std::log(total);
  const C inverse = keys == 0 ? C(0) : C(1) / total;
  if (spec.dropout_rate > 0) {
    load_mask(i, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse * w.mask[j];
  } else {
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse;
  }
  for (int64_t j = keys; j < columns; ++j) row[j] = 0;
}

template <class T>
void Head<T>::forward(T* out, C* log_sum, const T* q, const T* k, const T* v) {
  tile_right_transposed<T>(w.k_transposed, s.wide, k + offset(s.lk), s.row, s.lk, s.d);
  tile_right<T>(w.v_packed, s.narrow, v + offset(s.lk), s.row, s.lk, s.d);
  C* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const int64_t rows = std::min(kQueryRows, s.lq - begin), keys = block_keys(begin, rows);
    const int64_t start = offset(s.lq) + begin * s.row;
    row_products(w.scores, q + start, w.k_transposed, rows, keys);
    for (int64_t r = 0; r < rows; ++r) {
      softmax_row(w.scores + r * s.wide, sums + begin + r, begin + r, keys);
    }
    column_products(w.result, tile_left_of_result<T>(w.left, w.scores, s.wide, rows, keys),
                    w.v_packed, rows, false);
    store(out + start, s.row, w.result, s.narrow, rows, s.d);
  }
}

}  // namespace sy::cpu_attention
