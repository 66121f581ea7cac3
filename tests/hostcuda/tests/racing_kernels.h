// SPDX-License-Identifier: Apache-2.0
// Pairs of kernels: one with a planted race, and its twin that orders what the other does not.
#pragma once

#include <cuda_runtime_api.h>

namespace sy::test {

// Each kernel runs in two blocks of 64 threads; out has 128 numbers and in as many. `right` selects
// the twin.
enum class Racing {
  count,             // out[0] += 1 by every thread; the twin adds atomically
  read_the_counter,  // every thread adds to out[0] atomically, then reads it; the twin reads
                     // nothing
  one_word,          // each block's first thread writes out[0]; the twin a word of its own
  halo,              // out[i] += out[i + 64], which the other block writes; the twin reads in
  no_barrier,        // reversed through shared memory without a barrier; the twin has one
  early_overwrite,   // the next round writes shared memory that is still read; the twin waits
  shuffle,          // lanes reversed through shared memory after a shuffle; the twin has __syncwarp
  lanes_of_global,  // the same through `out`
  part_of_a_warp,   // each half of a warp meets, and then reads the other's; the twin its own
  two_warps,        // __syncwarp in place of __syncthreads, between two warps
  neighbours,       // adjacent bytes overlap in a word that both write; the twin writes the bytes
  copies,           // cp.async into shared memory that is read after the wait but no barrier
};
constexpr int kRacing = static_cast<int>(Racing::copies) + 1;
void race(cudaStream_t stream, int* out, const int* in, Racing kind, bool right);

}  // namespace sy::test
