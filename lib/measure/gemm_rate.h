// SPDX-License-Identifier: Apache-2.0
// GEMM throughput of the linked library (oneDNN or cuBLASLt) on this rank.
#pragma once

#include <string>

#include "kernels/gemm/gemm_shape.h"
#include "lib/tensor/exec.h"

namespace sy {

// Throughput over a given mix of GEMM shapes. With the shapes of a training step it is that step's
// roofline bound. The GEMMs inside the attention kernel are not counted: the library would run them
// more slowly than the kernel does, and leaving them out makes the bound stricter.
class GemmRate {
 public:
  // Allocates operands and scratch for `counts`, fills the operands with random numbers, and runs
  // each shape twice, after which its primitive exists or its algorithm is chosen.
  GemmRate(const GemmCounts& counts, Backend backend, int threads);

  // Runs every GEMM as often as it is counted, with no other work between them. Returns FLOP/s of
  // this rank.
  double measure();

  // The operands' memory, for tests.
  Tensor a() const { return a_; }
  Tensor b() const { return b_; }

 private:
  void run(const GemmShape& shape, int64_t times);

  GemmCounts counts_;
  Exec exec_;
  Arena arena_{"GEMM rate"};
  Tensor a_, b_, c_, base_;  // each has the memory of its largest operand, whatever the dtype
  double flops_;             // of one measure()
};

// FLOP/s that this rank reaches on large square matrices of `dtype`, float32 or bfloat16, of random
// numbers: the measured matrix rate, by which the metrics of a run divide for `mfu`. The best of
// five GEMMs. Matrices start at 1024 x 1024 and double up to 8192 while one GEMM takes less than a
// millisecond, which is what it takes to fill a GPU.
double measure_peak_gemm_rate(Backend backend, int threads, DType dtype = DType::f32);

// One sentence if bfloat16 does not pay at these rates (measure_peak_gemm_rate) of a rank: having
// the instructions is not enough. "" if it does.
std::string bfloat16_advice(double bfloat16, double float32);

}  // namespace sy
