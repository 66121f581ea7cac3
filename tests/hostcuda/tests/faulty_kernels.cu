// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/tests/faulty_kernels.h"

#include <stdexcept>

#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/mma.h"

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

// Lanes 0 .. 7 move four numbers each; `shift` numbers are left out at the start of what must be
// aligned.
__global__ void move_wide_kernel(float* out, const float* in, Wide kind, int shift) {
  float* staged = reinterpret_cast<float*>(shared_memory()) + (kind == Wide::copy_to ? shift : 0);
  float four[4] = {};
  const int at = 4 * lane_id();
  if (kind == Wide::matrices) {
    uint32_t words[4];
    load_matrices(words,
                  reinterpret_cast<const BFloat16*>(shared_memory()) + 8 * lane_id() + shift);
  } else if (lane_id() < 8) {
    if (kind == Wide::copy_from || kind == Wide::copy_to) {
      copy_async<16>(staged + at, in + at + (kind == Wide::copy_from ? shift : 0), true);
      end_copy_group();
      wait_for_copies();
      for (int i = 0; i < 4; ++i) four[i] = staged[at + i];
    } else if (kind == Wide::load) {
      load_packs(four, in + at + shift);
    } else {
      for (int i = 0; i < 4; ++i) four[i] = in[at + i];
    }
    if (kind == Wide::store) {
      store_packs(out + at + shift, four);
    } else {
      for (int i = 0; i < 4; ++i) out[at + i] = four[i];
    }
  }
}

__global__ void approximations_kernel(float* out, float x) {
  if (lane_id() == 0) {
    out[0] = __expf(x);
    out[1] = __logf(x);
    out[2] = __fdividef(1.0f, x);
    out[3] = rsqrtf(x);
  }
  // Row 0 of a times column 0 of b: 1 * x - 1 * x + 2^-13 * 2^-13, and zeros.
  const bool first = lane_id() == 0, second = lane_id() == 1;
  const uint32_t ones = bfloat16_pair(1.0f, -1.0f), small = bfloat16_pair(0x1p-13f, 0.0f);
  const uint32_t a[4] = {first ? ones : second ? small : 0u, 0u, 0u, 0u};
  const uint32_t b = first ? bfloat16_pair(x, x) : second ? small : 0u;
  float d[4] = {};
  mma_m16n8k16(d, a, b, 0);
  if (first) out[4] = d[0];
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

void move_wide(cudaStream_t stream, float* out, const float* in, Wide kind, int shift) {
  launch(stream, "move_wide", {.block = kWarp, .shared_bytes = 1024}, move_wide_kernel, out, in,
         kind, shift);
}

void approximations(cudaStream_t stream, float* out, float x) {
  launch(stream, "approximations", {.block = kWarp}, approximations_kernel, out, x);
}

void misuse(cudaStream_t stream, int* out, Fault fault) {
  void (*const kernels[])(int*) = {
      barrier_in_both_branches, barrier_after_leaving, shuffle_after_leaving,
      shuffle_in_both_branches, shuffle_and_barrier,   shuffle_without_self,
      shuffle_from_outside,     endless_recursion,     exception};
  launch(stream, "misuse", {.grid = 1, .block = 32}, kernels[static_cast<int>(fault)], out);
}

}  // namespace sy::test
