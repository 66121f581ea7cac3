// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_importance.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr size_t kSlots = kWarp * sizeof(double);

// One group per block of grid.x, and an expert per thread of grid.y. Traffic: every thread reads
// the group's choices, all the same word at a time, from the cache.
template <class T>
__global__ void router_gate_sums_kernel(T* sums, const T* gate, const int32_t* expert,
                                        int64_t choices, int experts) {
  const int e = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (e >= experts) return;
  const int64_t begin = blockIdx.x * choices;
  T sum = 0;
  for (int64_t i = begin; i < begin + choices; ++i) {
    if (expert[i] == e) sum += gate[i];
  }
  sums[int64_t{blockIdx.x} * experts + e] = sum;
}

// One choice per thread. Traffic: reads expert, reads and writes d_gate once (the minimum).
template <class T>
__global__ void router_gate_sums_backward_kernel(T* d_gate, const T* d_sums, const int32_t* expert,
                                                 int64_t count, int64_t choices, int experts,
                                                 T scale) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count || expert[i] < 0) return;
  d_gate[i] += scale * d_sums[i / choices * experts + expert[i]];
}

// One group per block; the formulas are those of router_importance_cpu.cpp. Traffic: reads sums
// twice, writes d_sums once.
template <class T>
__global__ void router_variation_kernel(double* parts, T* d_sums, const T* sums, int experts) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const T* x = sums + int64_t{blockIdx.x} * experts;
  double sum = 0, squares = 0;
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) {
    const auto value = static_cast<double>(x[e]);
    sum += value;
    squares += value * value;
  }
  sum = block_sum(sum, slots);
  squares = block_sum(squares, slots);
  const double count = sum > 0 ? experts : 0.0, inverse = sum > 0 ? 1 / sum : 0.0;
  const double spread = squares * inverse * inverse;
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) {
    const double of_expert = static_cast<double>(x[e]) * inverse - spread;
    d_sums[int64_t{blockIdx.x} * experts + e] = static_cast<T>(2 * count * inverse * of_expert);
  }
  if (threadIdx.x == 0) parts[blockIdx.x] = sum > 0 ? count * spread - 1 : 0.0;
}

// loss = the sum of parts. One block.
template <class T>
__global__ void router_variation_sum_kernel(T* loss, const double* parts, int64_t count) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) total += parts[i];
  total = block_sum(total, slots);
  if (threadIdx.x == 0) *loss = static_cast<T>(total);
}

unsigned blocks_for(int64_t count) {
  return narrow<unsigned>(ceil_div(count, int64_t{kThreads}));
}

}  // namespace

template <class T>
struct RouterImportanceImpl<Backend::cuda, T> {
  static void sums(Exec& exec, Tensor sums, Tensor gate, Tensor expert) {
    const int64_t groups = sums.dim(0), experts = sums.dim(1);
    launch(cuda(exec).compute, "router_gate_sums",
           {.grid = dim3(narrow<unsigned>(groups), blocks_for(experts)), .block = kThreads},
           router_gate_sums_kernel<T>, sums.data<T>(), gate.data<T>(), expert.data<int32_t>(),
           gate.numel() / groups, narrow<int>(experts));
  }

  static void sums_backward(Exec& exec, Tensor d_gate, Tensor d_sums, Tensor expert, double scale) {
    launch(cuda(exec).compute, "router_gate_sums_backward",
           {.grid = blocks_for(d_gate.numel()), .block = kThreads},
           router_gate_sums_backward_kernel<T>, d_gate.data<T>(), d_sums.data<T>(),
           expert.data<int32_t>(), d_gate.numel(), d_gate.numel() / d_sums.dim(0),
           narrow<int>(d_sums.dim(1)), static_cast<T>(scale));
  }

  static void variation(Exec& exec, Tensor loss, Tensor d_sums, Tensor sums, Tensor parts) {
    const cudaStream_t stream = cuda(exec).compute;
    const int64_t groups = sums.dim(0);
    launch(stream, "router_variation",
           {.grid = narrow<unsigned>(groups), .block = kThreads, .shared_bytes = kSlots},
           router_variation_kernel<T>, parts.data<double>(), d_sums.data<T>(), sums.data<T>(),
           narrow<int>(sums.dim(1)));
    launch(stream, "router_variation_sum", {.block = kThreads, .shared_bytes = kSlots},
           router_variation_sum_kernel<T>, loss.data<T>(), parts.data<double>(), groups);
  }
};

template struct RouterImportanceImpl<Backend::cuda, float>;
template struct RouterImportanceImpl<Backend::cuda, double>;

}  // namespace sy
