// Multi-head attention of one query a sequence to keys and values that were kept: a step of
// incremental decoding. Forward alone; the sums of attention.h, so that decoding a token at a time
// gives what the whole sequence at once does.
//   s[b,h,j] = q[b,h,:] . k[index[b,j],h,:] + bias_table[bucket(j - (lengths[b] - 1)), h]
//   p = softmax_j(s) over j < lengths[b],   out[b,h,:] = sum_j p[b,h,j] v[index[b,j],h,:]
// The query stands at the last key, with T5's causal buckets. A sequence names its keys one by one:
// beams share what they have in common, and going on from another beam moves no key.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [B, H, d_kv] is overwritten; q as out; k, v [N, H, d_kv]; bias_table [buckets, H] or empty
// (no bias: cross-attention). index int32 [B, L], row of k and v that is key j of sequence b, each
// in [0, N) for j < lengths[b]; lengths int32 [B], each in 0 .. L. Another index or length throws,
// or on CUDA makes the sequence's rows NaN. Without any key: zeros. q, k, v and out are float32,
// float64 or bfloat16, the bias table of their compute_dtype(). The results do not depend on
// exec.threads, nor on the other sequences.
void attention_step(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                    Tensor index, Tensor lengths, int max_distance);

template <Backend, class T>
struct AttentionStepImpl {
  // Scratch: work of Compute<T>, [threads, L + d_kv] on the CPU and [B * H, L] on CUDA; buckets
  // int32 [L] (of distance x = query - key).
  static Shape work_shape(int64_t sequences, int64_t heads, int64_t width, int64_t d_kv,
                          int threads);
  static void forward(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                      Tensor index, Tensor lengths, int max_distance, Tensor work, Tensor buckets);
};

}  // namespace sy
