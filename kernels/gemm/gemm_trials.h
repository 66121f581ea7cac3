// SPDX-License-Identifier: Apache-2.0
// Which GEMMs choose their algorithm by time on CUDA. State of an Exec: exec.state<GemmTrials>().
// A large shape's second call in a process waits for the GPU and times the algorithms that cuBLASLt
// offers, on memory of its own: one operand and two results. Without that memory nothing is timed.
// The results of all calls are the same to the bit either way (lt_trial_cuda.h).
#pragma once

namespace sy {

struct GemmTrials {
  // GEMMs of fewer operations keep the first algorithm that runs: a launch costs as much as they
  // do, and a trial a hundred times that.
  double least_flops = 1e9;
};

}  // namespace sy
