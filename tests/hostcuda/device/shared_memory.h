// The shared memory of the block that runs, between pages that fault.
#pragma once

#include <cstddef>

namespace sy::hostcuda {

// What a block may have. A GPU gives more after cudaFuncSetAttribute; no kernel here asks for that,
// and it has no stand-in.
constexpr size_t kSharedBytes = 48 << 10;

// Fills `bytes` with NaN for a new block; device.h's shared_memory() then returns them.
void begin_shared_memory(size_t bytes);
// How many the running block has.
size_t shared_bytes();
// Reports a write to the bytes just before or behind them.
void check_shared_memory();
// Usable in signal handlers.
bool borders_on_shared_memory(const char* address);

}  // namespace sy::hostcuda
