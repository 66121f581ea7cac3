// SPDX-License-Identifier: Apache-2.0
// The arguments shared by all attention kernels, and one head of one sequence as a block sees it.
#pragma once

#include <limits>

#include "kernels/cuda/device.h"
#include "lib/base/random.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

constexpr int kAttentionTile = 64;  // queries, or keys, owned by a block

// Tensors as in kernels/attention/attention.h.
template <class T>
struct AttentionProblem {
  const T *q, *k, *v;
  const Compute<T>* bias;  // [heads, lq + lk - 1], indexed by key - query + lq - 1; or null
  const int32_t* key_lengths;
  const int32_t *key_ranges, *query_ranges;  // null in rows of one example
  int sequences, heads, lq, lk, d;
  bool causal;
  RandomKey dropout_key;
  float dropout_rate;
  // Sequence b and head h draw from matrix first_matrix + b * matrices + h. Words of a matrix and
  // of a query; those of a query are 0 with dropout_by_key.
  int64_t first_matrix, matrices, matrix_words, query_words;
};

// Additional inputs of the backward kernels.
template <class T>
struct AttentionGradients {
  const T* d_out;
  // [sequences, heads, lq]; delta = the sum of d_out * out over columns.
  const Compute<T>*log_sum, *delta;
};

// The number of sums along diagonals that the block of a query tile writes; the sum at place key -
// (query - first query of the tile) + kAttentionTile.
__device__ __host__ constexpr int diagonal_places(int lk) {
  return ((lk + kAttentionTile - 1) / kAttentionTile + 1) * kAttentionTile;
}

__device__ __host__ constexpr int attention_tiles(int length) {
  return (length + kAttentionTile - 1) / kAttentionTile;
}

template <class T>
struct AttentionHead {
  using C = Compute<T>;

  const AttentionProblem<T>& p;
  int64_t index;  // sequence * heads + head
  int sequence, head;
  int keys;  // unmasked keys; none if the length is invalid
  C start;   // initial value of sums: 0, or NaN if the length is invalid

  __device__ AttentionHead(const AttentionProblem<T>& problem, unsigned number)
      : p(problem),
        index(number),
        sequence(static_cast<int>(number) / problem.heads),
        head(static_cast<int>(number) % problem.heads) {
    const int length = p.key_lengths[sequence];
    const bool valid = length >= 0 && length <= p.lk;
    keys = valid ? length : 0;
    start = valid ? C(0) : std::numeric_limits<C>::quiet_NaN();
  }

  // Element offsets: stride() between consecutive tokens, at() of token `row` in tensors with
  // `length` tokens.
  __device__ int64_t stride() const { return int64_t{p.heads} * p.d; }
  __device__ int64_t at(int length, int row) const {
    return ((int64_t{sequence} * length + row) * p.heads + head) * p.d;
  }
  __device__ int64_t query(int i) const { return at(p.lq, i); }
  __device__ int64_t key(int j) const { return at(p.lk, j); }

  // Query i sees keys [0, visible(i)).
  __device__ int visible(int i) const {
    if (i >= p.lq) return 0;
    return p.causal && i + 1 < keys ? i + 1 : keys;
  }
  // The keys that any of the kAttentionTile queries from i on see.
  __device__ int tile_visible(int i) const {
    const int last = i + kAttentionTile - 1;
    return visible(last < p.lq ? last : p.lq - 1);
  }

  // The bias for key - query = distance; 0 if no pair is that far apart.
  __device__ C bias(int distance) const {
    const int place = distance + p.lq - 1, places = p.lq + p.lk - 1;
    return place < 0 || place >= places ? C(0) : p.bias[int64_t{head} * places + place];
  }

  // The first word of query i in dropout's stream.
  __device__ uint64_t words(int i) const {
    const int64_t matrix = p.first_matrix + sequence * p.matrices + head;
    return static_cast<uint64_t>(matrix * p.matrix_words + i * p.query_words);
  }
  __device__ C kept() const { return C(1) / (C(1) - static_cast<C>(p.dropout_rate)); }
};

}  // namespace sy
