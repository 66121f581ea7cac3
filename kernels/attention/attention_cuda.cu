// SPDX-License-Identifier: Apache-2.0
// Attention in one kernel forward and two backward: scores live in registers and never reach
// memory. For bfloat16 with head widths of 32, 64 and 128, the products run on tensor cores
// (fused_*_cuda.h), otherwise in plain arithmetic (plain_*_cuda.h).
//
// Why fused: one head of one sequence with L = 512 and d = 64 takes 4 L^2 d = 67 million operations
// forward and 168 million in the five products that backward needs. An H100 (989 TFLOP/s in
// bfloat16, 3.35 TB/s) does these in 0.07 and 0.17 us. Batched GEMMs with a softmax between them
// write and read L^2 bfloat16 matrices about four times forward and six times backward: 2.1 and 3.1
// MB, which take 0.63 and 0.94 us however fast the GEMMs are, or 7.5 and 11 us a sequence with 12
// heads. Fused, forward reads q, k, v and writes out once, 8 L d = 0.26 MB (0.08 us), and
// backward's three kernels move 26 L d = 0.85 MB (0.25 us), some of it in the L2 cache.
//
// The kernels' own roofline bound, per head at that size:
//   forward   67 million operations: 0.11 us if mma.sync reaches 0.6 of the rate above, which is
//             wgmma's; in parallel 262144 exponentials, 0.07 us at 16 per clock and multiprocessor
//   backward  235 million operations: 0.40 us at that rate. Both kernels compute scores and d_p, so
//             every sum has one owner and no atomics, and the same bits in every run
// Dropout adds about 20 integer operations per pair of query and key to each of the three kernels.
// These figures are counted, not measured.
#include <type_traits>

#include "kernels/attention/attention.h"
#include "kernels/attention/bias_cuda.h"
#include "kernels/attention/fused_launch_cuda.h"
#include "kernels/attention/plain_backward_cuda.h"
#include "kernels/attention/plain_forward_cuda.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

template <class T>
AttentionProblem<T> problem(Tensor q, Tensor k, Tensor v, Tensor key_lengths,
                            const AttentionSpec& spec) {
  const int64_t matrices = spec.num_heads == 0 ? q.dim(2) : spec.num_heads;
  AttentionProblem<T> p;
  p.q = q.data<T>();
  p.k = k.data<T>();
  p.v = v.data<T>();
  p.bias = nullptr;
  p.key_lengths = key_lengths.data<int32_t>();
  p.key_ranges = spec.key_ranges.data<int32_t>();
  p.query_ranges = spec.query_ranges.data<int32_t>();
  p.sequences = narrow<int>(q.dim(0));
  p.heads = narrow<int>(q.dim(2));
  p.lq = narrow<int>(q.dim(1));
  p.lk = narrow<int>(k.dim(1));
  p.d = narrow<int>(q.dim(3));
  p.causal = spec.causal;
  p.dropout_key = spec.dropout_key;
  p.dropout_rate = spec.dropout_rate;
  p.first_matrix = spec.first_sequence * matrices + spec.first_head;
  p.matrices = matrices;
  p.query_words = spec.dropout_by_key ? 0 : p.lk;
  p.matrix_words = spec.dropout_by_key ? round_up(k.dim(1), 4) : q.dim(1) * k.dim(1);
  return p;
}

// Expands the bias table over distances, into scratch.
template <class T>
void spread_bias(Exec& exec, AttentionProblem<T>& p, Tensor bias_table, const AttentionSpec& spec,
                 const AttentionScratch& scratch) {
  if (bias_table.empty()) return;
  auto* bias = scratch.work.data<Compute<T>>();
  const int places = p.lq + p.lk - 1;
  const BiasBuckets buckets{narrow<int>(bias_table.dim(0)), spec.max_distance, spec.bidirectional};
  const LaunchShape shape{.grid = narrow<unsigned>(ceil_div(places, kBiasThreads)),
                          .block = kBiasThreads};
  launch(cuda(exec).compute, "attention_bias", shape, spread_bias_kernel<Compute<T>>, bias,
         scratch.buckets.data<int32_t>(), bias_table.data<Compute<T>>(), p.heads, p.lq, places,
         buckets);
  p.bias = bias;
}

constexpr int kDeltaThreads = 128;  // one warp per row

// The row sums that the softmax's gradient subtracts: delta [sequences, heads, lq] = the sum of
// d_out * out over columns; d_out and out are [sequences, lq, heads, d]. Traffic: reads both once
// (the minimum), 4 d bytes per row in bfloat16.
template <class T>
__global__ void delta_kernel(Compute<T>* delta, const T* d_out, const T* out, int64_t rows, int lq,
                             int heads, int d) {
  const int64_t row = int64_t{blockIdx.x} * (kDeltaThreads / kWarp) + warp_id();
  if (row >= rows) return;
  Compute<T> sum = 0;
  for (int c = lane_id(); c < d; c += kWarp) {
    sum += Compute<T>(d_out[row * d + c]) * Compute<T>(out[row * d + c]);
  }
  sum = warp_sum(sum);
  if (lane_id() != 0) return;
  const int64_t token = row / heads, head = row % heads;
  delta[(token / lq * heads + head) * lq + token % lq] = sum;
}

// Computes the row sums into scratch.
template <class T>
AttentionGradients<T> gradients(Exec& exec, const AttentionProblem<T>& p, Tensor d_out, Tensor out,
                                Tensor log_sum, const AttentionScratch& scratch) {
  using C = Compute<T>;
  C* delta = scratch.work.data<C>() + int64_t{p.heads} * (p.lq + p.lk);
  const int64_t rows = out.rows();
  const LaunchShape shape{.grid = narrow<unsigned>(ceil_div(rows, kDeltaThreads / kWarp)),
                          .block = kDeltaThreads};
  launch(cuda(exec).compute, "attention_delta", shape, delta_kernel<T>, delta, d_out.data<T>(),
         out.data<T>(), rows, p.lq, p.heads, p.d);
  return {d_out.data<T>(), log_sum.data<C>(), delta};
}

// Adds the table's gradient from the sums along diagonals, of which there are `elements`.
template <class T>
void add_bias(Exec& exec, const AttentionProblem<T>& p, Tensor d_bias_table, int64_t elements,
              const AttentionScratch& scratch) {
  using C = Compute<T>;
  C* diagonals = scratch.d_bias.data<C>();
  C* partial = diagonals + elements;
  const int buckets = narrow<int>(d_bias_table.dim(0));
  const LaunchShape fold{.grid = static_cast<unsigned>(p.sequences * p.heads),
                         .block = kBiasThreads,
                         .shared_bytes = kBiasThreads * (sizeof(C) + sizeof(int))};
  launch(cuda(exec).compute, "attention_fold_diagonals", fold, fold_diagonals_kernel<C>, partial,
         diagonals, scratch.buckets.data<int32_t>(), buckets, p.lq, p.lk);
  const LaunchShape add{.grid = narrow<unsigned>(ceil_div(buckets * p.heads, kBiasThreads)),
                        .block = kBiasThreads};
  launch(cuda(exec).compute, "attention_add_bias", add, add_bias_kernel<C>, d_bias_table.data<C>(),
         partial, p.sequences, p.heads, buckets);
}

// One block per 64 queries or keys (`length` in all) of every head and 32 columns.
template <class T>
LaunchShape plain_shape(const AttentionProblem<T>& p, int length) {
  const int64_t blocks =
      int64_t{p.sequences} * p.heads * attention_tiles(length) * ceil_div(p.d, kPlainColumns);
  return {.grid = narrow<unsigned>(blocks),
          .block = kPlainRows,
          .shared_bytes = sizeof(PlainTiles<Compute<T>>)};
}

template <class Mask, class T>
void run_forward(Exec& exec, T* out, Compute<T>* log_sum, const AttentionProblem<T>& p) {
  const cudaStream_t stream = cuda(exec).compute;
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto fused = [&]<int D, class Dropout>() {
      launch_fused_forward<D, Dropout, Mask>(stream, out, log_sum, p);
    };
    if (is_packed({out, p.q, p.k, p.v}) && with_fused_kernels(p, fused)) return;
  }
  launch(stream, "attention_forward", plain_shape(p, p.lq), plain_forward_kernel<T, Mask>, out,
         log_sum, p);
}

// diagonals: written by the kernel that owns queries, or null.
template <class Mask, class T>
void run_backward(Exec& exec, T* d_q, T* d_k, T* d_v, Compute<T>* diagonals,
                  const AttentionProblem<T>& p, const AttentionGradients<T>& g) {
  const cudaStream_t stream = cuda(exec).compute;
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto fused = [&]<int D, class Dropout>() {
      launch_fused_backward<D, Dropout, Mask>(stream, d_q, d_k, d_v, diagonals, p, g);
    };
    const bool packed = is_packed({d_q, d_k, d_v, g.d_out, p.q, p.k, p.v});
    if (packed && with_fused_kernels(p, fused)) return;
  }
  launch(stream, "attention_d_q", plain_shape(p, p.lq), plain_d_q_kernel<T, Mask>, d_q, diagonals,
         p, g);
  launch(stream, "attention_d_keys", plain_shape(p, p.lk), plain_d_keys_kernel<T, Mask>, d_k, d_v,
         p, g);
}

}  // namespace

template <class T>
struct AttentionImpl<Backend::cuda, T> {
  using C = Compute<T>;

  static Shape work_shape(const AttentionShape& shape, int, bool backward) {
    const int64_t rows = backward ? shape.sequences * shape.heads * shape.lq : 0;
    return {shape.heads * (shape.lq + shape.lk) + rows};
  }

  static int64_t diagonal_elements(const AttentionShape& shape) {
    return shape.sequences * shape.heads * attention_tiles(narrow<int>(shape.lq)) *
           diagonal_places(narrow<int>(shape.lk));
  }
  static int64_t d_bias_elements(const AttentionShape& shape) {
    return diagonal_elements(shape) + shape.sequences * shape.heads * shape.buckets;
  }

  static void forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                      Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                      const AttentionScratch& scratch) {
    AttentionProblem<T> p = problem<T>(q, k, v, key_lengths, spec);
    spread_bias(exec, p, bias_table, spec, scratch);
    with_mask(p,
              [&]<class Mask>() { run_forward<Mask>(exec, out.data<T>(), log_sum.data<C>(), p); });
  }

  static void backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                       Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                       const AttentionScratch& scratch) {
    AttentionProblem<T> p = problem<T>(q, k, v, key_lengths, spec);
    spread_bias(exec, p, bias_table, spec, scratch);
    const AttentionGradients<T> g = gradients(exec, p, d_out, out, log_sum, scratch);
    C* diagonals = bias_table.empty() ? nullptr : scratch.d_bias.data<C>();
    with_mask(p, [&]<class Mask>() {
      run_backward<Mask>(exec, d_q.data<T>(), d_k.data<T>(), d_v.data<T>(), diagonals, p, g);
    });
    if (bias_table.empty()) return;
    const int64_t elements =
        diagonal_elements({q.dim(0), q.dim(2), q.dim(1), k.dim(1), q.dim(3), 0});
    add_bias(exec, p, d_bias_table, elements, scratch);
  }
};

template struct AttentionImpl<Backend::cuda, float>;
template struct AttentionImpl<Backend::cuda, double>;
template struct AttentionImpl<Backend::cuda, BFloat16>;

}  // namespace sy
