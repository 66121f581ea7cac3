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
  const int32_t* ranges;  // of each query, in packed rows (attention.h); otherwise null
  Work<T>& w;
  bool has_bias;

  int64_t offset(int64_t length) const { return (sequence * length * s.heads + head) * s.d; }
  // Query i sees keys [first_visible(i), visible(i)).
  int64_t first_visible(int64_t i) const { return ranges == nullptr ? 0 : ranges[2 * i]; }
  int64_t visible(int64_t i) const {
    const int64_t end = ranges == nullptr ? key_length : ranges[2 * i + 1];
    return spec.causal ? std::min(i + 1, end) : end;
  }

  // w.bias[j - i + lq - 1] = the table's entry for distance j - i.
  void load_bias(const C* table, const int32_t* buckets) const {
    for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) w.bias[x] = table[buckets[x] * s.heads + head];
  }

  // w.mask[0 .. count) = the dropout factors of row i from key `key` on.
  void load_mask(int64_t i, int64_t key, int64_t count) const {
    const C keep = C(1) / (C(1) - static_cast<C>(spec.dropout_rate));
    const float rate = spec.dropout_rate;
    const int64_t heads = spec.num_heads == 0 ? s.heads : spec.num_heads;
    const int64_t matrix = (spec.first_sequence + sequence) * heads + spec.first_head + head;
    const int64_t row =
        spec.dropout_by_key ? matrix * round_up(s.lk, 4) : (matrix * s.lq + i) * s.lk;
    const uint64_t first = static_cast<uint64_t>(row + key);
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

  // row[0 .. keys) are the scores of query i and the keys from `key` on.
  void add_bias(C* row, int64_t i, int64_t key, int64_t keys) const {
    if (!has_bias) return;
    const C* bias = w.bias + (s.lq - 1 - i + key);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] += bias[j];
  }

  // Queries [begin, begin + rows), and the keys [first, first + keys) that any of them sees: the
  // columns of the block's products. `first` is rounded down to whole vectors and words.
  struct Block {
    int64_t begin, rows, first, keys;
  };
  Block block(int64_t begin) const {
    const int64_t rows = std::min(kQueryRows, s.lq - begin);
    const int64_t first = first_visible(begin) / kKeyStep * kKeyStep;
    return {begin, rows, first, visible(begin + rows - 1) - first};
  }
  // The part of a block's row that query i sees, in columns of the block.
  struct Seen {
    int64_t first, end;
  };
  Seen seen(const Block& block, int64_t i) const {
    return {first_visible(i) - block.first, visible(i) - block.first};
  }
  // Zeros in the columns of the block that the query does not see.
  void clear_unseen(C* row, const Block& block, const Seen& seen) const {
    for (int64_t j = 0; j < seen.first; ++j) row[j] = 0;
    for (int64_t j = seen.end; j < block.keys; ++j) row[j] = 0;
  }

  void forward(T* out, C* log_sum, const T* q, const T* k, const T* v);
  void softmax_row(C* row, C* log_sum, const Block& block, int64_t i) const;
  void backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const C* log_sum, const T* q,
                const T* k, const T* v);
  void backward_row(const Block& block, int64_t r, C log_sum, C dot) const;
  void fold_diagonal(C* d_bias, const int32_t* buckets, int64_t num_buckets) const;
};

// Converts the scores of query i, a row of the block, to dropped-out probabilities; zero for keys
// that it does not see.
template <class T>
void Head<T>::softmax_row(C* row, C* log_sum, const Block& block, int64_t i) const {
  const Seen part = seen(block, i);
  clear_unseen(row, block, part);
  const int64_t key = first_visible(i), keys = part.end - part.first;
  row += part.first;
  add_bias(row, i, key, keys);
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
    load_mask(i, key, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse * w.mask[j];
  } else {
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse;
  }
}

template <class T>
void Head<T>::forward(T* out, C* log_sum, const T* q, const T* k, const T* v) {
  tile_right_transposed<T>(w.k_transposed, s.wide, k + offset(s.lk), s.row, s.lk, s.d);
  tile_right<T>(w.v_packed, s.narrow, v + offset(s.lk), s.row, s.lk, s.d);
  C* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const Block now = block(begin);
    const int64_t start = offset(s.lq) + begin * s.row;
    row_products(w.scores, q + start, w.k_transposed + now.first, now.rows, now.keys);
    for (int64_t r = 0; r < now.rows; ++r) {
      softmax_row(w.scores + r * s.wide, sums + begin + r, now, begin + r);
    }
    column_products(w.result, tile_left_of_result<T>(w.left, w.scores, s.wide, now.rows, now.keys),
                    w.v_packed + tile_words<T>(now.first) * s.narrow, now.rows, false);
    store(out + start, s.row, w.result, s.narrow, now.rows, s.d);
  }
}

}  // namespace sy::cpu_attention
