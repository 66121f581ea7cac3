// SPDX-License-Identifier: Apache-2.0
// Multi-head attention with T5's relative position bias. Scores are never stored: like Dao et al.
// 2022, forward keeps the logarithm of each row's sum and backward recomputes. Logits are not
// divided by sqrt(d_kv).
//   s[b,h,i,j] = q[b,i,h,:] . k[b,j,h,:] + bias_table[bucket(j - i), h]
//   keys j >= key_lengths[b], and j > i when causal, are masked; so are, in packed rows, the keys
//   outside the range of the query
//   p = softmax_j(s),   out[b,i,h,:] = sum_j dropout(p)[b,h,i,j] v[b,j,h,:]
#pragma once

#include "kernels/dropout/dropout.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct AttentionSpec {
  bool causal = false;
  bool bidirectional = true;  // which kind of buckets the bias uses
  int max_distance = 128;
  // Dropout of p: element (b, h, i, j) draws word
  //   ((first_sequence + b) * heads + first_head + h) * Lq * Lk + i * Lk + j,
  // where heads is num_heads, or H if that is 0. A rank that holds H of the model's num_heads
  // heads, starting at first_head, thus draws the same as a rank that holds all of them. With
  // dropout_by_key all queries of a head have one mask: the last terms are * Lk' + j, where Lk' is
  // Lk rounded up to whole Philox blocks of four words.
  float dropout_rate = 0;
  bool dropout_by_key = false;
  RandomKey dropout_key;
  int64_t first_sequence = 0;
  int64_t first_head = 0;
  int64_t num_heads = 0;
  // Packed rows: a sequence of the batch holds several examples one after another, and a query sees
  // only keys [first, end) of its own example. key_ranges [B, Lq, 2] has these two numbers for each
  // query, query_ranges [B, Lk, 2] those of the queries that see each key; both int32, the same
  // relation, neither number ever falling along a row, within the key length and Lq. A causal query
  // lies in its own range, or has an empty one. Both are empty tensors for rows of one example. On
  // the CPU, key_ranges that break this throw; on CUDA all ranges are cut to the valid keys and
  // queries. The work is in proportion to what the ranges hold, rounded up to tiles.
  Tensor key_ranges, query_ranges;

  bool packed() const { return !key_ranges.empty(); }
};

// out [B, Lq, H, d_kv] and log_sum [B, H, Lq] (the log of the sum of exp(s)) are overwritten. q has
// out's shape; k, v [B, Lk, H, d_kv]; bias_table [buckets, H], or empty for no bias
// (cross-attention); key_lengths int32 [B], each in [0, Lk]: any other value throws, or on CUDA
// makes the sequence's results NaN. Causal attention requires Lq = Lk. A query row without any key
// yields zeros, in log_sum too. q, k, v, out and their gradients are float32, float64 or bfloat16;
// log_sum and the bias table have their compute_dtype(). The results do not depend on exec.threads.
void attention_forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec);

// d_q, d_k and d_v are overwritten and have the shapes of q, k and v; d_bias_table [buckets, H] is
// accumulated unless it is empty. d_out has out's shape; out and log_sum are forward's results.
void attention_backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                        Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                        Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec);

// The sizes of one call.
struct AttentionShape {
  int64_t sequences, heads, lq, lk, d_kv;
  int64_t buckets;  // 0 without a bias
};

// Scratch of one call, derived from its sizes.
struct AttentionScratch {
  Tensor work;     // on the CPU [threads, ...], one row per thread
  Tensor buckets;  // int32 [Lq + Lk - 1]: entry x is the bucket of key - query = x - (Lq - 1)
  Tensor d_bias;   // only in backward with a bias
};

template <Backend, class T>
struct AttentionImpl {
  // Both count elements of Compute<T>. On the CPU, work holds an area per thread, and d_bias each
  // sequence's contributions [B, H, buckets] to the bias table's gradient. On CUDA, work holds the
  // bias expanded over distances and backward's row sums, 4 (H (Lq + Lk) + B H Lq) bytes for
  // bfloat16; d_bias holds sums along diagonals, 4 bytes per 64 pairs of query and key, and the
  // same contributions.
  static Shape work_shape(const AttentionShape& shape, int threads, bool backward);
  static int64_t d_bias_elements(const AttentionShape& shape);
  static void forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                      Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                      const AttentionScratch& scratch);
  static void backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                       Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                       const AttentionScratch& scratch);
};

}  // namespace sy
