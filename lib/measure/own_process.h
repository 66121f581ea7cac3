// SPDX-License-Identifier: Apache-2.0
// What /proc says about this process: its age and its peak resident memory.
#pragma once

#include <cstdint>

namespace sy {

// Seconds since the kernel started this process, accurate to one clock tick (about 10 ms). 0 if
// /proc cannot be read.
double process_age_seconds();

// Peak resident set size in bytes (VmHWM), shared libraries included. 0 if /proc cannot be read.
int64_t peak_resident_bytes();
// Begins a new peak at what is resident now. Does nothing if the kernel refuses.
void forget_peak_resident();

}  // namespace sy
