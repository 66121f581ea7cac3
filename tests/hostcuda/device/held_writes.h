// SPDX-License-Identifier: Apache-2.0
// Writes to shared memory that other threads do not see yet. On a GPU a shuffle or a vote makes
// lanes wait for each other but does not order memory: another lane may see an earlier write right
// after the call, or only after the next __syncthreads, __syncwarp or fence. Plain fibers would
// always see every earlier write, which would hide a missing barrier.
//
// Therefore a thread that waits in a shuffle or vote withdraws what it wrote since the last barrier
// and gets it back when it continues. Order::reverse withholds every write, random decides by a
// draw, and forward withholds none. Nothing is withheld in blocks with more than kHeldBytes of
// shared memory, nor in global memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sy::hostcuda {

constexpr size_t kHeldBytes = 8 << 10;

void begin_kernel_writes();              // a kernel starts: nothing is withheld
void begin_block_writes();               // a block starts: its shared memory is new
void hold_writes(uint32_t thread);       // before the thread waits in a shuffle or vote
void give_back_writes(uint32_t thread);  // when it continues
void show_writes();                      // the running thread is at a barrier or fence, or ends

}  // namespace sy::hostcuda
