// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/tests/faulty_kernels.h"

#include <stdexcept>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace sy::test {
namespace {

__device__ int thread() {
  return static_cast<int>(threadIdx.x);
}

template <bool kWithBarrier>
__global__ void reverse_kernel(int* out, const int* in) {
  int* values = reinterpret_cast<int*>(shared_memory());
  values[thread()] = in[thread()];
  if constexpr (kWithBarrier) __syncthreads();
  out[thread()] = values[static_cast<int>(blockDim.x) - 1 - thread()];
}

template <Between kBetween>
__global__ void reverse_lanes_kernel(int* out, const int* in) {
  int* values = reinterpret_cast<int*>(shared_memory());
  values[lane_id()] = in[lane_id()];
  int nothing = 0;
  if constexpr (kBetween == Between::vote) nothing = __any_sync(kFullWarp, 0);
  if constexpr (kBetween == Between::shuffle) nothing = __shfl_xor_sync(kFullWarp, 0, 1);
  if constexpr (kBetween == Between::sync_warp) __syncwarp();
  out[lane_id()] = values[kWarp - 1 - lane_id()] + nothing;
}

__global__ void count_lanes_kernel(int* out) {
  int* count = reinterpret_cast<int*>(shared_memory());
  if (lane_id() == 0) *count = 0;
  __syncwarp();
  atomicAdd(count, 1);
  const int nothing = __any_sync(kFullWarp, 0);
  out[lane_id()] = *count + nothing;
}

__global__ void write_shifted_kernel(float* out, int shift) {
  out[static_cast<int>(blockIdx.x * blockDim.x) + thread() + shift] = 1;
}

__global__ void copy_kernel(float* out, const float* in) {
  out[thread()] = in[thread()];
}

__global__ void read_shared_kernel(float* out, int shift) {
  out[thread()] = reinterpret_cast<const float*>(shared_memory())[thread() + shift];
}

__global__ void write_shared_kernel(int shift) {
  reinterpret_cast<float*>(shared_memory())[thread() + shift] = 1;
}

__global__ void write_hidden_kernel(Hidden hidden) {
  *hidden.at = 1;
}

__global__ void barrier_in_both_branches(int* out) {
  if (thread() < 16) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[thread()] = 1;
}

__global__ void barrier_after_leaving(int* out) {
  if (thread() == 7) return;
  __syncthreads();
  out[thread()] = 1;
}

__global__ void shuffle_after_leaving(int* out) {
  if (lane_id() >= 16) return;
  out[thread()] = __shfl_xor_sync(kFullWarp, thread(), 1);
}

__global__ void shuffle_in_both_branches(int* out) {
  if (lane_id() >= 16) {
    out[thread()] = __shfl_xor_sync(kFullWarp, thread(), 1);
  } else {
    out[thread()] = __shfl_xor_sync(kFullWarp, thread(), 2);
  }
}

__global__ void shuffle_and_barrier(int* out) {
  if (lane_id() == 0) __syncthreads();
  out[thread()] = __shfl_xor_sync(kFullWarp, thread(), 1);
}

__global__ void shuffle_without_self(int* out) {
  out[thread()] = __shfl_xor_sync(0xffu, thread(), 1);
}

__global__ void shuffle_from_outside(int* out) {
  if (lane_id() < 8) out[thread()] = __shfl_sync(0xffu, thread(), 9);
}

__device__ int descend(int depth, volatile int* trail) {
  volatile int here[64] = {depth};
  return trail[0] + (depth < 0 ? 0 : descend(depth + 1, here)) + here[0];
}

__global__ void endless_recursion(int* out) {
  volatile int start = 0;
  out[thread()] = descend(thread(), &start);
}

__global__ void exception(int*) {
  throw std::runtime_error("no device has these");
}

}  // namespace

void reverse(cudaStream_t stream, int* out, const int* in, int threads, bool with_barrier) {
  const LaunchShape shape{.grid = 1,
                          .block = static_cast<unsigned>(threads),
                          .shared_bytes = static_cast<size_t>(threads) * sizeof(int)};
  launch(stream, "reverse", shape, with_barrier ? reverse_kernel<true> : reverse_kernel<false>, out,
         in);
}

void reverse_lanes(cudaStream_t stream, int* out, const int* in, Between between) {
  const auto kernel = between == Between::vote      ? reverse_lanes_kernel<Between::vote>
                      : between == Between::shuffle ? reverse_lanes_kernel<Between::shuffle>
                                                    : reverse_lanes_kernel<Between::sync_warp>;
  launch(stream, "reverse_lanes", {.block = kWarp, .shared_bytes = kWarp * sizeof(int)}, kernel,
         out, in);
}

void count_lanes(cudaStream_t stream, int* out) {
  launch(stream, "count_lanes", {.block = kWarp, .shared_bytes = sizeof(int)}, count_lanes_kernel,
         out);
}

void write_shifted(cudaStream_t stream, float* out, int shift, int count) {
  launch(stream, "write_shifted", {.grid = 2, .block = static_cast<unsigned>(count / 2)},
         write_shifted_kernel, out, shift);
}

void copy(cudaStream_t stream, float* out, const float* in, int count) {
  launch(stream, "copy", {.grid = 1, .block = static_cast<unsigned>(count)}, copy_kernel, out, in);
}

void read_shared(cudaStream_t stream, float* out, int threads, int shared, int shift) {
  launch(stream, "read_shared",
         {.grid = 1,
          .block = static_cast<unsigned>(threads),
          .shared_bytes = static_cast<size_t>(shared) * sizeof(float)},
         read_shared_kernel, out, shift);
}

void write_shared(cudaStream_t stream, int threads, int shared, int shift) {
  launch(stream, "write_shared",
         {.grid = 1,
          .block = static_cast<unsigned>(threads),
          .shared_bytes = static_cast<size_t>(shared) * sizeof(float)},
         write_shared_kernel, shift);
}

void write_hidden(cudaStream_t stream, Hidden hidden) {
  launch(stream, "write_hidden", {.grid = 1, .block = 1}, write_hidden_kernel, hidden);
}

void misuse(cudaStream_t stream, int* out, Fault fault) {
  void (*const kernels[])(int*) = {
      barrier_in_both_branches, barrier_after_leaving, shuffle_after_leaving,
      shuffle_in_both_branches, shuffle_and_barrier,   shuffle_without_self,
      shuffle_from_outside,     endless_recursion,     exception};
  launch(stream, "misuse", {.grid = 1, .block = 32}, kernels[static_cast<int>(fault)], out);
}

}  // namespace sy::test
