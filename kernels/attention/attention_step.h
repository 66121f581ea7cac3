// SPDX-License-Identifier: Apache-2.0
// Multi-head attention of one query per sequence over cached keys and values: a step of incremental
// decoding. Forward only. It computes the sums of attention.h, so decoding token by token gives the
// same results as the whole sequence at once.
//   s[b,h,j] = q[b,h,:] . k[index[b,j],h,:] + bias_table[bucket(j - (lengths[b] - 1)), h]
//   p = softmax_j(s) over j < lengths[b],   out[b,h,:] = sum_j p[b,h,j] v[index[b,j],h,:]
// The query is at the position of the last key, with T5's causal buckets. Each sequence lists its
// keys one by one, so beams share their common prefix, and continuing from another beam moves no
// keys.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [B, H, d_kv] is overwritten; q has out's shape; k, v [N, H, d_kv]; bias_table [buckets, H],
// or empty for no bias (cross-attention). index int32 [B, L]: the row of k and v that holds key j
// of sequence b, in [0, N) for j < lengths[b]. lengths int32 [B], each in [0, L]. Any other index
// or length throws, or on CUDA makes the sequence's rows NaN. Without any key, out is zero. q, k, v
// and out are float32, float64 or bfloat16; the bias table has their compute_dtype(). The results
// do not depend on exec.threads or on the other sequences.
void attention_step(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                    Tensor index, Tensor lengths, int max_distance);

template <Backend, class T>
struct AttentionStepImpl {
  // Scratch: work of Compute<T>, [threads, L + d_kv] on the CPU and [B * H, L] on CUDA; buckets
  // int32 [L], by distance query - key.
  static Shape work_shape(int64_t sequences, int64_t heads, int64_t width, int64_t d_kv,
                          int threads);
  static void forward(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                      Tensor index, Tensor lengths, int max_distance, Tensor work, Tensor buckets);
};

}  // namespace sy
