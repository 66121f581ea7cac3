// SPDX-License-Identifier: Apache-2.0
// The shared memory of the running block, between guard pages.
#pragma once

#include <cstddef>

namespace sy::hostcuda {

// The limit for a block. A GPU grants more after cudaFuncSetAttribute, which no kernel here calls
// and which has no stand-in.
constexpr size_t kSharedBytes = 48 << 10;

// Fills `bytes` bytes with NaN for a new block; shared_memory() of device.h then returns them.
void begin_shared_memory(size_t bytes);
// The size of the running block's shared memory.
size_t shared_bytes();
// Reports a write just before or past it.
void check_shared_memory();
// Whether `address` lies in it or in its guard pages. Safe in signal handlers.
bool borders_on_shared_memory(const char* address);

}  // namespace sy::hostcuda
