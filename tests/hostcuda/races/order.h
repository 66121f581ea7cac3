// SPDX-License-Identifier: Apache-2.0
// Where a kernel's threads stand, and which earlier accesses precede what a thread does now.
//
// A step begins with a block and with each barrier of its threads. Since blocks run one after
// another, a number that only grows tells an access's launch, block and barrier apart. Among the
// lanes of a warp, within a step, each has a clock, and knows of the others what they had done when
// it last met them in __syncwarp (vector clocks, Lamport 1978, Mattern 1989).
#pragma once

#include <cstdint>

#include "tests/hostcuda/races/shadow.h"

namespace sy::hostcuda {

struct Steps {
  uint32_t now = 0;
  uint32_t first_of_block = 1, first_of_kernel = 1;
};
extern Steps steps;

// The running thread's access as it is remembered.
Mark mark_of_thread(int32_t code);

// Whether an access of this block and step, by another thread, precedes the running thread's.
bool met_since(const Mark& mark);

// Whether the remembered access is of this launch and unordered with what the running thread does.
// Of another block's shared memory nothing is left.
inline bool is_unordered(const Mark& mark, Reach reach) {
  if (mark.step < (reach == Reach::block ? steps.first_of_block : steps.first_of_kernel)) {
    return false;
  }
  if (mark.step < steps.first_of_block) return true;
  return mark.step == steps.now && !met_since(mark);
}

// The number of the block that a step of this launch belongs to.
uint32_t block_of(uint32_t step);

}  // namespace sy::hostcuda
