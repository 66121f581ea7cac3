// The clock that times an exec's parts (profiler.h says what it measures), for whoever turns
// profiling on: exec.profiler.enable(make_part_clock(exec)).
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

// The CUDA runtime's part (cuda_part_clock.cpp).
std::unique_ptr<PartClock> make_cuda_part_clock(Exec& exec);

// Null on the CPU: the host's. The exec's backend does not change afterwards.
inline std::unique_ptr<PartClock> make_part_clock(Exec& exec) {
  return exec.backend == Backend::cuda ? make_cuda_part_clock(exec) : nullptr;
}

}  // namespace sy
