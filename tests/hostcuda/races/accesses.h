// SPDX-License-Identifier: Apache-2.0
// Reports races: two accesses of the same bytes by threads of one kernel of which one is a write,
// and which nothing orders. Only in programs whose kernels were compiled with -fsanitize=thread:
// the compiler then calls a function at each access (compiler_calls.cpp), and these stand in place
// of ThreadSanitizer's own. Elsewhere nothing here does anything.
//
// What orders two accesses of a kernel: __syncthreads within a block, __syncwarp among the lanes of
// its mask, and being of the same thread. Shuffles and votes order nothing, nor does anything
// between blocks. Atomic operations do not race with each other, but with plain accesses. The
// verdict depends on the accesses alone, hardly on the schedule.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sy::hostcuda {

enum class Access : uint8_t { read, write, atomic };

// Whether the kernels of this program tell of their accesses.
extern bool watching;

// Memory that kernels may reach, whole pages of it. Accesses elsewhere are of no interest.
enum class Reach : uint8_t { grid, block };  // device memory, or a block's shared memory
void watch_memory(const char* from, size_t bytes, Reach reach);
void forget_memory(const char* from, size_t bytes);

// Where the running kernel is. The blocks run one after another; `number` is the one that begins.
void begin_kernel_accesses();
void begin_block_accesses(uint32_t number);
void pass_barrier();                            // all threads of the block have met
void meet_lanes(uint32_t warp, unsigned mask);  // the lanes of __syncwarp have met

// An access by the thread that runs; `code` is the address of the instruction after it. Ends the
// program with a report if it races with an earlier one.
void note_access(const void* at, size_t bytes, Access access, const void* code);

// The same for what the compiler does not see, such as a copy that a library function makes.
void touch(const void* at, size_t bytes, Access access);

}  // namespace sy::hostcuda
