// How fast the library multiplies matrices of given shapes: those of a training step, which are the
// floor under it, or one large square. The attention's products run inside its kernel and are none
// of them: the library would run them slower, so the floor is the stricter without them.
#pragma once

#include "kernels/gemm/gemm_shape.h"
#include "lib/tensor/exec.h"

namespace sy {

class ProductRate {
 public:
  // Makes the primitives, the operands and the scratch of `counts`, and runs each shape once.
  ProductRate(const GemmCounts& counts, Backend backend, int threads);

  // Runs every product as often as counted, nothing between them; FLOP/s of this rank.
  double measure();

 private:
  void run(const GemmShape& shape, int64_t times);

  GemmCounts counts_;
  Exec exec_;
  Arena arena_{"products"};
  Tensor a_, b_, c_;  // memory of the largest operand, whatever its dtype
  double flops_;      // of one measure()
};

}  // namespace sy
