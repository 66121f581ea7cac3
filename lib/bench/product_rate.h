// How fast the library multiplies matrices of a step's own shapes: the floor under the step. The
// attention's products are left out: the library would run them slower than the others, so the rate
// without them is the stricter measure.
#pragma once

#include "kernels/gemm_shape.h"
#include "lib/tensor/exec.h"

namespace sy {

class ProductRate {
 public:
  // Makes the primitives, the operands and the scratch of `counts` (as BenchRun::products gives
  // them).
  ProductRate(const GemmCounts& counts, Backend backend, int threads);

  // Runs every product of a step, as often as the step does, nothing between them; FLOP/s of this
  // rank.
  double measure();

  double flops() const { return flops_; }  // of one measure()

 private:
  void run(const GemmShape& shape, int64_t times);

  GemmCounts counts_;
  Exec exec_;
  Arena arena_{"products"};
  Tensor a_, b_, c_;  // flat, as large as the largest operand
  double flops_ = 0;
};

}  // namespace sy
