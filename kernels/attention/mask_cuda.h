// SPDX-License-Identifier: Apache-2.0
// Which keys a query sees, and which queries see a key. Kernels are compiled for rows of one
// example and for packed rows: the ranges of the latter cost registers and loads that the former do
// not need.
#pragma once

#include "kernels/attention/problem_cuda.h"

namespace sy {

// [from, to). Two adjacent numbers of a tensor of ranges are one.
struct alignas(8) SeenRange {
  int from, to;

  // The same counted from `first`.
  __device__ SeenRange after(int first) const { return {from - first, to - first}; }
};

// A row is one example: a query sees its keys from the first one on.
struct WholeRows {
  static constexpr bool kPacked = false;

  template <class T>
  static __device__ SeenRange keys(const AttentionHead<T>& head, int i) {
    return {0, head.visible(i)};
  }
  // Of any of the kAttentionTile queries from i on.
  template <class T>
  static __device__ SeenRange tile_keys(const AttentionHead<T>& head, int i) {
    return {0, head.tile_visible(i)};
  }
  // The queries that see key j, or any of the kAttentionTile keys from j on.
  template <class T>
  static __device__ SeenRange queries(const AttentionHead<T>& head, int j) {
    return {head.p.causal ? j : 0, j < head.keys ? head.p.lq : 0};
  }
  template <class T>
  static __device__ SeenRange tile_queries(const AttentionHead<T>& head, int j) {
    return {j >= head.keys ? head.p.lq : head.p.causal ? j : 0, head.p.lq};
  }
  // Whether key j is none of those in `seen`.
  static __device__ bool hides(const SeenRange& seen, int j) { return j >= seen.to; }
};

// Several examples in a row: the ranges of attention.h, cut to the valid keys and queries.
struct PackedRows {
  static constexpr bool kPacked = true;

  template <class T>
  static __device__ SeenRange keys(const AttentionHead<T>& head, int i) {
    const AttentionProblem<T>& p = head.p;
    if (i >= p.lq) return {0, 0};
    const SeenRange stored = range(p.key_ranges, int64_t{head.sequence} * p.lq + i);
    const int end = stored.to < head.keys ? stored.to : head.keys;
    return {stored.from > 0 ? stored.from : 0, p.causal && i + 1 < end ? i + 1 : end};
  }
  // Ranges never fall along a row, so those of the first and the last query bound all of them. The
  // first key is a multiple of 16, where dropout's words of four keys and a plain kernel's tiles
  // begin, and whole tiles from there on end with the last tile of the row: sums along diagonals
  // have places for no more.
  template <class T>
  static __device__ SeenRange tile_keys(const AttentionHead<T>& head, int i) {
    const int last = i + kAttentionTile - 1;
    const int from = keys(head, i).from;
    const int to = keys(head, last < head.p.lq ? last : head.p.lq - 1).to;
    if (from >= to) return {0, 0};
    const int even = from / 16 * 16;
    const int latest = (attention_tiles(head.p.lk) - attention_tiles(to - even)) * kAttentionTile;
    return {even < latest ? even : latest, to};
  }
  template <class T>
  static __device__ SeenRange queries(const AttentionHead<T>& head, int j) {
    const AttentionProblem<T>& p = head.p;
    // Loaded in any case: lanes that branch here would part before a product of tensor cores.
    const int place = j < p.lk ? j : p.lk - 1;
    const SeenRange stored = range(p.query_ranges, int64_t{head.sequence} * p.lk + place);
    const int from = p.causal && j > stored.from ? j : stored.from;
    const int to = stored.to < p.lq ? stored.to : p.lq;
    return {from > 0 ? from : 0, j < head.keys ? to : 0};
  }
  template <class T>
  static __device__ SeenRange tile_queries(const AttentionHead<T>& head, int j) {
    if (j >= head.keys) return {0, 0};
    const int last = j + kAttentionTile - 1;
    return {queries(head, j).from, queries(head, last < head.keys ? last : head.keys - 1).to};
  }
  static __device__ bool hides(const SeenRange& seen, int j) {
    return j < seen.from || j >= seen.to;
  }

 private:
  static __device__ SeenRange range(const int32_t* ranges, int64_t place) {
    return load_word<SeenRange>(ranges + 2 * place);
  }
};

}  // namespace sy
