// What the kernel knows of this process: how long it has lived and the most memory it has held.
#pragma once

#include <cstdint>

namespace sy {

// Seconds since the process was started, before its first instruction; to the kernel's tick of
// about 10 ms. 0 where /proc does not tell.
double process_age_seconds();

// The most bytes that were ever resident at once (VmHWM), libraries included; 0 where /proc does
// not tell.
int64_t peak_resident_bytes();

}  // namespace sy
