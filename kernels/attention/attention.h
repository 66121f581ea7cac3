// Multi-head attention with T5's relative position bias, scores never stored (Dao et al. 2022 keep
// the row's logarithm of the sum instead and recompute; so do we). Logits are not divided by
// sqrt(d_kv).
//   s[b,h,i,j] = q[b,i,h,:] . k[b,j,h,:] + bias_table[bucket(j - i), h]
//   keys j >= key_lengths[b], and j > i when causal, take no part
//   p = softmax_j(s),   out[b,i,h,:] = sum_j dropout(p)[b,h,i,j] v[b,j,h,:]
#pragma once

#include "kernels/dropout/dropout.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct AttentionSpec {
  bool causal = false;
  bool bidirectional = true;  // which buckets the bias uses
  int max_distance = 128;
  // Dropout of p: element (b, h, i, j) draws word
  //   ((first_sequence + b) * heads + first_head + h) * Lq * Lk + i * Lk + j,
  // where heads is num_heads, or H where that is 0: a rank that holds H of the model's num_heads
  // heads, from first_head, draws what one that holds them all does.
  float dropout_rate = 0;
  RandomKey dropout_key;
  int64_t first_sequence = 0;
  int64_t first_head = 0;
  int64_t num_heads = 0;
};

// out [B, Lq, H, d_kv] and log_sum [B, H, Lq] (log of the sum of exp(s)) are overwritten. q as out;
// k, v [B, Lk, H, d_kv]; bias_table [buckets, H] or empty (no bias: cross-attention); key_lengths
// int32 [B], each in 0 .. Lk: another throws, or on CUDA makes the sequence's results NaN. Causal
// needs Lq = Lk. A query row without any key gives zeros, in log_sum too. q, k, v, out and their
// gradients are float32, float64 or bfloat16; log_sum and the bias table of their compute_dtype().
// The results do not depend on exec.threads.
void attention_forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec);

// d_q, d_k, d_v are overwritten (shapes of q, k, v); d_bias_table [buckets, H] is accumulated
// unless empty. d_out, out, log_sum as in forward.
void attention_backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                        Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                        Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec);

// Sizes of a call.
struct AttentionShape {
  int64_t sequences, heads, lq, lk, d_kv;
  int64_t buckets;  // 0: no bias
};

// Scratch of a call, worked out from its sizes.
struct AttentionScratch {
  Tensor work;     // on the CPU [threads, ...], an area for each
  Tensor buckets;  // int32 [Lq + Lk - 1]: bucket of key - query = index - (Lq - 1)
  Tensor d_bias;   // backward with a bias only
};

template <Backend, class T>
struct AttentionImpl {
  // Elements of Compute<T>. The CPU works in an area for each thread, and adds sequences' shares
  // [B, H, buckets] of the bias table's gradient. CUDA keeps the bias spread over distances and
  // backward's row sums, 4 (H (Lq + Lk) + B H Lq) bytes in bfloat16; and sums along diagonals, 4
  // bytes for every 64 pairs of query and key, beside the shares.
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
