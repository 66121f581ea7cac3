// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/tests/racing_kernels.h"

#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace sy::test {
namespace {

constexpr int kThreads = 64;

__device__ int thread() {
  return static_cast<int>(threadIdx.x);
}
__device__ int block() {
  return static_cast<int>(blockIdx.x);
}
__device__ int own() {
  return block() * kThreads + thread();
}
__device__ int* shared() {
  return reinterpret_cast<int*>(shared_memory());
}

template <bool kRight>
__global__ void count_kernel(int* out, const int*) {
  if constexpr (kRight) {
    atomicAdd(out, 1);
  } else {
    out[0] += 1;
  }
}

template <bool kRight>
__global__ void read_the_counter_kernel(int* out, const int*) {
  atomicAdd(out, 1);
  if (!kRight && thread() == 5) out[2 + block()] = out[0];
}

template <bool kRight>
__global__ void one_word_kernel(int* out, const int*) {
  if (thread() == 0) out[kRight ? block() : 0] = block();
}

template <bool kRight>
__global__ void halo_kernel(int* out, const int* in) {
  const int other = (own() + kThreads) % (2 * kThreads);
  out[own()] = kRight ? in[other] : out[other];
}

template <bool kRight>
__global__ void no_barrier_kernel(int* out, const int* in) {
  shared()[thread()] = in[own()];
  if constexpr (kRight) __syncthreads();
  out[own()] = shared()[kThreads - 1 - thread()];
}

template <bool kRight>
__global__ void early_overwrite_kernel(int* out, const int* in) {
  int sum = 0;
  for (int round = 0; round < 2; ++round) {
    shared()[thread()] = in[own()] + round;
    __syncthreads();
    sum += shared()[kThreads - 1 - thread()];
    if constexpr (kRight) __syncthreads();
  }
  out[own()] = sum;
}

template <bool kRight>
__global__ void shuffle_kernel(int* out, const int* in) {
  shared()[thread()] = in[own()];
  const int nothing = __shfl_xor_sync(kFullWarp, 0, 1);
  if constexpr (kRight) __syncwarp();
  out[own()] = shared()[thread() ^ (kWarp - 1)] + nothing;
}

template <bool kRight>
__global__ void lanes_of_global_kernel(int* out, const int* in) {
  out[own()] = in[own()];
  const int nothing = __shfl_xor_sync(kFullWarp, 0, 1);
  if constexpr (kRight) __syncwarp();
  const int other = out[own() ^ 1] + nothing;
  __syncwarp();
  out[own()] = other;
}

template <bool kRight>
__global__ void part_of_a_warp_kernel(int* out, const int* in) {
  shared()[thread()] = in[own()];
  if (lane_id() < 16) {
    __syncwarp(0xffffu);
  } else {
    __syncwarp(0xffff0000u);
  }
  out[own()] = shared()[thread() ^ (kRight ? 15 : 31)];
}

template <bool kRight>
__global__ void two_warps_kernel(int* out, const int* in) {
  shared()[thread()] = in[own()];
  if constexpr (kRight) {
    __syncthreads();
  } else {
    __syncwarp();
  }
  out[own()] = shared()[thread() ^ kWarp];
}

template <bool kRight>
__global__ void neighbours_kernel(int* out, const int*) {
  auto* bytes = reinterpret_cast<unsigned char*>(out) + 4 * kThreads * block() + thread();
  if constexpr (kRight) {
    *bytes = 1;
  } else {
    reinterpret_cast<unsigned short*>(bytes - thread() % 2)[0] = 1;
  }
}

template <bool kRight>
__global__ void copies_kernel(int* out, const int* in) {
  copy_async<4>(shared() + thread(), in + own(), true);
  end_copy_group();
  wait_for_copies();
  if constexpr (kRight) __syncthreads();
  out[own()] = shared()[thread() ^ 1];
}

template <bool kRight>
void (*const kernels[kRacing])(int*, const int*) = {
    count_kernel<kRight>,     read_the_counter_kernel<kRight>, one_word_kernel<kRight>,
    halo_kernel<kRight>,      no_barrier_kernel<kRight>,       early_overwrite_kernel<kRight>,
    shuffle_kernel<kRight>,   lanes_of_global_kernel<kRight>,  part_of_a_warp_kernel<kRight>,
    two_warps_kernel<kRight>, neighbours_kernel<kRight>,       copies_kernel<kRight>};

}  // namespace

void race(cudaStream_t stream, int* out, const int* in, Racing kind, bool right) {
  const auto kernel = (right ? kernels<true> : kernels<false>)[static_cast<int>(kind)];
  launch(stream, "race", {.grid = 2, .block = kThreads, .shared_bytes = kThreads * sizeof(int)},
         kernel, out, in);
}

}  // namespace sy::test
