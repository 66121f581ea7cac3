// SPDX-License-Identifier: Apache-2.0
// Correct kernels in the style of kernels/OP/OP_cuda.cu, which host execution must run correctly.
#pragma once

#include <cuda_runtime_api.h>

namespace sy::test {

// out[i] = 1000 * block + thread, with blocks and threads counted over three dimensions.
void number_threads(cudaStream_t stream, int* out, dim3 grid, dim3 block);
// out[b] = sum of block b's `threads` values of x, by shuffles within warps and through shared
// memory between them.
void block_sums(cudaStream_t stream, float* out, const float* x, int blocks, int threads);
// out[i] = x[0] + ... + x[i] for `threads` values, in one block.
void scan_shared(cudaStream_t stream, float* out, const float* x, int threads);
// The same within each warp.
void scan_warps(cudaStream_t stream, int* out, const int* x, int threads);
// By atomics: bins[x[i]] += 1, and *largest and *smallest of x.
void histogram(cudaStream_t stream, int* bins, int* largest, int* smallest, const int* x,
               int count);
// out[i] = a * x[i] + out[i].
void add_scaled(cudaStream_t stream, float* out, float a, const float* x, int count);
// out [12, 32]: the result of each warp function in every lane.
void warp_functions(cudaStream_t stream, unsigned* out);
// Each thread executes `rounds` barriers or shuffles, or neither.
enum class Wait { none, barrier, shuffle };
void rounds(cudaStream_t stream, int* out, Wait wait, int rounds, int blocks, int threads);

}  // namespace sy::test
