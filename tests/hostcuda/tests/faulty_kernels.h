// SPDX-License-Identifier: Apache-2.0
// Kernels with one planted error each, for the tests of host execution to find.
#pragma once

#include <cuda_runtime_api.h>

namespace sy::test {

// out[i] = in[threads - 1 - i] through shared memory, with or without the barrier in between.
void reverse(cudaStream_t stream, int* out, const int* in, int threads, bool with_barrier);
// The same within one warp, whose lanes meet in between: in a vote or a shuffle, which do not order
// memory, or in __syncwarp, which does.
enum class Between { vote, shuffle, sync_warp };
void reverse_lanes(cudaStream_t stream, int* out, const int* in, Between between);
// out[i] = the number of lanes, counted in shared memory by atomics and read after a vote.
void count_lanes(cudaStream_t stream, int* out);
// out[i + shift] = 1 for i in 0 .. count - 1, in two blocks.
void write_shifted(cudaStream_t stream, float* out, int shift, int count);
// out[i] = in[i]
void copy(cudaStream_t stream, float* out, const float* in, int count);
// out[i] = element i + shift of `shared` floats of shared memory.
void read_shared(cudaStream_t stream, float* out, int threads, int shared, int shift);
// Writes element i + shift of `shared` floats of shared memory.
void write_shared(cudaStream_t stream, int threads, int shared, int shift);
// The address is hidden in a struct, so the launch cannot check it.
struct Hidden {
  float* at;
};
void write_hidden(cudaStream_t stream, Hidden hidden);

// out [32] = in [32], in a way that needs addresses aligned to 16 bytes; `out` and `in` need not
// be.
enum class Wide { load, store, copy_from, copy_to, matrices };
void move_wide(cudaStream_t stream, float* out, const float* in, Wide kind, int shift);

// out [5]: __expf, __logf, __fdividef(1, x) and rsqrtf of x, and d of a product on tensor cores
// whose exact value is x - x + 2^-26.
void approximations(cudaStream_t stream, float* out, float x);

enum class Fault {
  barrier_in_both_branches,  // of a divergent if, hence on two lines
  barrier_after_leaving,     // thread 7 leaves before it
  shuffle_after_leaving,     // lanes 16 .. 31 leave before it
  shuffle_in_both_branches,  // of a divergent if, with the full mask
  shuffle_and_barrier,       // lane 0 waits at a barrier, the others in a shuffle
  shuffle_without_self,      // a mask that leaves out the caller
  shuffle_from_outside,      // reads a lane that the mask leaves out
  endless_recursion,
  exception,
};
void misuse(cudaStream_t stream, int* out, Fault fault);

}  // namespace sy::test
