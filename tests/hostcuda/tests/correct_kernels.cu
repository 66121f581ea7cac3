// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/tests/correct_kernels.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace sy::test {
namespace {

__device__ int global_index() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

__global__ void number_threads_kernel(int* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  out[block * threads + thread] = static_cast<int>(1000 * block + thread);
}

__device__ float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(kFullWarp, value, offset);
  }
  return value;
}

__global__ void __launch_bounds__(1024) block_sums_kernel(float* out, const float* x) {
  float* warps = reinterpret_cast<float*>(shared_memory());
  const float sum = warp_sum(x[global_index()]);
  if (lane_id() == 0) warps[warp_id()] = sum;
  __syncthreads();
  if (warp_id() != 0) return;
  const int count = static_cast<int>(blockDim.x) / kWarp;
  const float total = warp_sum(lane_id() < count ? warps[lane_id()] : 0.0f);
  if (lane_id() == 0) out[blockIdx.x] = total;
}

// Hillis & Steele scan: log2(threads) rounds, with a barrier between reading and writing.
__global__ void scan_shared_kernel(float* out, const float* x) {
  float* sums = reinterpret_cast<float*>(shared_memory());
  const int i = static_cast<int>(threadIdx.x);
  sums[i] = x[i];
  __syncthreads();
  for (int offset = 1; offset < static_cast<int>(blockDim.x); offset *= 2) {
    const float before = i >= offset ? sums[i - offset] : 0.0f;
    __syncthreads();
    sums[i] += before;
    __syncthreads();
  }
  out[i] = sums[i];
}

__global__ void scan_warps_kernel(int* out, const int* x) {
  const int i = global_index();
  int sum = x[i];
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const int before = __shfl_up_sync(kFullWarp, sum, offset);
    if (lane_id() >= offset) sum += before;
  }
  out[i] = sum;
}

__global__ void histogram_kernel(int* bins, int* largest, int* smallest, const int* x, int count) {
  const int i = global_index();
  if (i >= count) return;
  atomicAdd(&bins[x[i]], 1);
  atomicMax(largest, x[i]);
  atomicMin(smallest, x[i]);
}

__global__ void add_scaled_kernel(float* out, float a, const float* x, int count) {
  const int i = global_index();
  if (i < count) out[i] = a * x[i] + out[i];
}

__global__ void warp_functions_kernel(unsigned* out) {
  const unsigned lane = threadIdx.x;
  auto put = [&](int row, unsigned value) { out[row * kWarp + static_cast<int>(lane)] = value; };
  put(0, __shfl_sync(kFullWarp, lane, 5));
  put(1, __shfl_sync(kFullWarp, lane, 1, 8));
  put(2, __shfl_xor_sync(kFullWarp, lane, 3));
  put(3, __shfl_down_sync(kFullWarp, lane, 4));
  put(4, __shfl_down_sync(kFullWarp, lane, 2, 8));
  put(5, __shfl_up_sync(kFullWarp, lane, 4));
  put(6, __shfl_up_sync(kFullWarp, lane, 2, 8));
  put(7, __ballot_sync(kFullWarp, lane % 3 == 0));
  put(8, static_cast<unsigned>(__any_sync(kFullWarp, lane == 31)));
  put(9, static_cast<unsigned>(__all_sync(kFullWarp, lane != 31)));
  put(10, static_cast<unsigned>(__shfl_xor_sync(kFullWarp, static_cast<double>(lane), 16)));
  // The two halves of the warp diverge, each with its own mask.
  if (lane < 16) {
    put(11, __shfl_sync(0xffffu, lane, 3));
  } else {
    put(11, __shfl_xor_sync(0xffff0000u, lane, 1));
  }
  __syncwarp();
}

__global__ void rounds_kernel(int* out, Wait wait, int rounds) {
  int sum = 0;
  for (int r = 0; r < rounds; ++r) {
    if (wait == Wait::barrier) __syncthreads();
    if (wait == Wait::shuffle) sum += __shfl_xor_sync(kFullWarp, r, 1);
  }
  out[global_index()] = sum;
}

unsigned blocks_of(int count) {
  return static_cast<unsigned>((count + 127) / 128);
}

}  // namespace

void number_threads(cudaStream_t stream, int* out, dim3 grid, dim3 block) {
  launch(stream, "number_threads", {.grid = grid, .block = block}, number_threads_kernel, out);
}

void block_sums(cudaStream_t stream, float* out, const float* x, int blocks, int threads) {
  launch(stream, "block_sums",
         {.grid = static_cast<unsigned>(blocks),
          .block = static_cast<unsigned>(threads),
          .shared_bytes = static_cast<size_t>(threads) / kWarp * sizeof(float)},
         block_sums_kernel, out, x);
}

void scan_shared(cudaStream_t stream, float* out, const float* x, int threads) {
  launch(stream, "scan_shared",
         {.grid = 1,
          .block = static_cast<unsigned>(threads),
          .shared_bytes = static_cast<size_t>(threads) * sizeof(float)},
         scan_shared_kernel, out, x);
}

void scan_warps(cudaStream_t stream, int* out, const int* x, int threads) {
  launch(stream, "scan_warps", {.grid = 1, .block = static_cast<unsigned>(threads)},
         scan_warps_kernel, out, x);
}

void histogram(cudaStream_t stream, int* bins, int* largest, int* smallest, const int* x,
               int count) {
  launch(stream, "histogram", {.grid = blocks_of(count), .block = 128}, histogram_kernel, bins,
         largest, smallest, x, count);
}

void add_scaled(cudaStream_t stream, float* out, float a, const float* x, int count) {
  launch(stream, "add_scaled", {.grid = blocks_of(count), .block = 128}, add_scaled_kernel, out, a,
         x, count);
}

void warp_functions(cudaStream_t stream, unsigned* out) {
  launch(stream, "warp_functions", {.grid = 1, .block = 32}, warp_functions_kernel, out);
}

void rounds(cudaStream_t stream, int* out, Wait wait, int rounds, int blocks, int threads) {
  launch(stream, "rounds",
         {.grid = static_cast<unsigned>(blocks), .block = static_cast<unsigned>(threads)},
         rounds_kernel, out, wait, rounds);
}

}  // namespace sy::test
