// SPDX-License-Identifier: Apache-2.0
// What is remembered of each piece of memory: the accesses that a later one could race with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {

// One access. Step 0 stands for none; the blocks that run and their barriers count steps (order.h).
struct Mark {
  uint32_t step;
  uint32_t thread : 10;
  uint32_t clock : 22;  // counts the thread's __syncwarp
  int32_t code;         // the instruction, relative to kCode
};

// The last write, and reads and atomic operations as far as they can matter: two suffice, if they
// are of two blocks, warps or threads where there were so many (remember()).
struct alignas(64) Cell {
  Mark write, reads[2], atomics[2];
};

// The memory of a page in pieces of 4, 2 or 1 bytes, as small as its accesses ask for.
struct Page {
  Reach reach;
  uint32_t shift;  // a piece has 1 << shift bytes
  Cell* cells;     // one for each piece; null before the first access
};

constexpr uintptr_t kPageBytes = 4096;

// The page of an address, with cells; null if the memory is not watched.
Page* find_page(uintptr_t address);

// Cuts the page's pieces in half. Both halves keep what the whole remembered.
void halve_pieces(Page& page);

}  // namespace sy::hostcuda
