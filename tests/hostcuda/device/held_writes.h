// Writes to shared memory that other threads do not see yet. On a GPU a shuffle or a vote makes
// lanes wait for each other and orders no memory: what a lane wrote before it, another may find
// after it, or not before the next __syncthreads, __syncwarp or fence. Of fibers each would find
// all that ran before.
//
// So a thread that waits in a shuffle or vote takes back what it wrote since the last barrier and
// has it again when it goes on. Order::reverse holds every write back, random draws it, forward
// none. Blocks with more than kHeldBytes of shared memory hold nothing back, and neither is global
// memory held back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sy::hostcuda {

constexpr size_t kHeldBytes = 8 << 10;

void begin_kernel_writes();              // of a kernel: nothing is held
void begin_block_writes();               // shared memory is new
void hold_writes(uint32_t thread);       // before it waits in a shuffle or vote
void give_back_writes(uint32_t thread);  // when it goes on
void show_writes();                      // those of the running thread: barriers, fences, its end

}  // namespace sy::hostcuda
