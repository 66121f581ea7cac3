// SPDX-License-Identifier: Apache-2.0
// Launches the tensor-core kernels where they apply.
#pragma once

#include "kernels/attention/fused_d_keys_cuda.h"
#include "kernels/attention/fused_d_q_cuda.h"
#include "kernels/cuda/map.h"

namespace sy {

// One block per 64 queries or keys (`length` in all) of every head.
template <class T>
unsigned attention_blocks(const AttentionProblem<T>& p, int length) {
  return narrow<unsigned>(int64_t{p.sequences} * p.heads * attention_tiles(length));
}

// Shared memory that a block may use without opting in to more.
constexpr size_t kSharedLimit = 48 << 10;

template <int D, class Dropout, class Mask>
void launch_fused_forward(cudaStream_t stream, BFloat16* out, float* log_sum,
                          const AttentionProblem<BFloat16>& p) {
  static_assert(2 * sizeof(KeyTiles<D>) <= kSharedLimit);
  const LaunchShape shape{.grid = attention_blocks(p, p.lq),
                          .block = kFusedThreads,
                          .shared_bytes = 2 * sizeof(KeyTiles<D>)};
  launch(stream, "attention_forward", shape, fused_forward_kernel<D, Dropout, Mask>, out, log_sum,
         p);
}

template <int D, class Dropout, class Mask>
void launch_fused_backward(cudaStream_t stream, BFloat16* d_q, BFloat16* d_k, BFloat16* d_v,
                           float* diagonals, const AttentionProblem<BFloat16>& p,
                           const AttentionGradients<BFloat16>& g) {
  static_assert(sizeof(QueryTiles<D>) <= kSharedLimit);
  static_assert(2 * sizeof(PassingQueries<D>) <= kSharedLimit);
  const LaunchShape queries{.grid = attention_blocks(p, p.lq),
                            .block = kFusedThreads,
                            .shared_bytes = sizeof(QueryTiles<D>)};
  launch(stream, "attention_d_q", queries, fused_d_q_kernel<D, Dropout, Mask>, d_q, diagonals, p,
         g);
  const LaunchShape keys{.grid = attention_blocks(p, p.lk),
                         .block = kFusedThreads,
                         .shared_bytes = 2 * sizeof(PassingQueries<D>)};
  launch(stream, "attention_d_keys", keys, fused_d_keys_kernel<D, Dropout, Mask>, d_k, d_v, p, g);
}

// Calls function.operator()<Mask>() with the kind of rows that p has.
template <class T, class Function>
void with_mask(const AttentionProblem<T>& p, Function&& function) {
  if (p.key_ranges == nullptr) {
    function.template operator()<WholeRows>();
  } else {
    function.template operator()<PackedRows>();
  }
}

// Calls function.operator()<D, Dropout>() with the dropout that p has.
template <int D, class Function>
void with_fused_dropout(const AttentionProblem<BFloat16>& p, Function&& function) {
  if (p.dropout_rate == 0) {
    function.template operator()<D, NoFusedDropout>();
  } else if (p.query_words == 0) {
    function.template operator()<D, FusedKeyDropout>();
  } else {
    function.template operator()<D, FusedDropout>();
  }
}

// Does so for the width of p if the tensor-core kernels support it; returns false otherwise.
template <class Function>
bool with_fused_kernels(const AttentionProblem<BFloat16>& p, Function&& function) {
  if (p.d == 32) {
    with_fused_dropout<32>(p, function);
  } else if (p.d == 64) {
    with_fused_dropout<64>(p, function);
  } else if (p.d == 128) {
    with_fused_dropout<128>(p, function);
  } else {
    return false;
  }
  return true;
}

}  // namespace sy
