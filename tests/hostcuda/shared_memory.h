// The shared memory of the block that runs, between pages that fault.
#pragma once

#include <cstddef>

namespace sy::hostcuda {

constexpr size_t kSharedBytes = 227 << 10;   // a block's on sm_90, where a kernel asks for them
constexpr size_t kSharedUnasked = 48 << 10;  // what a launch may have; no kernel here asks for more

// Fills `bytes` with NaN for a new block; device.h's shared_memory() then returns them.
void begin_shared_memory(size_t bytes);
// Reports a write to the bytes just before or behind them.
void check_shared_memory();
// Usable in signal handlers.
bool borders_on_shared_memory(const char* address);

}  // namespace sy::hostcuda
