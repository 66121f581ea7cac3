// SPDX-License-Identifier: Apache-2.0
// GEMMs, cached by shape in the Exec, with scratch from the Exec. CPU: oneDNN matmul primitives.
// CUDA: cuBLASLt.
#pragma once

#include <compare>

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct GemmOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;  // c += op(a) op(b) instead of c = op(a) op(b)
  bool relu = false;        // c = max(op(a) op(b), 0); not with accumulate
  auto operator<=>(const GemmOptions&) const = default;
};

struct GemmShape;  // kernels/gemm/gemm_shape.h

// c [m, n] (overwritten, or accumulated on request) = op(a) op(b), where op(a) is [m, k] and op(b)
// is [k, n]; with `base`, of c's shape and dtype and not overlapping it, c = base + op(a) op(b),
// rounded once, and neither accumulate nor relu. With three axes, [batch, ...] each, these are
// `batch` independent GEMMs; an a of [1, ...] is the same in each of them. All have one dtype,
// float32, float64 or bfloat16, or a and b are bfloat16 and c is float32; bfloat16 products are
// summed in float32. m, n, k or batch may be 0 (k = 0 yields zeros unless accumulating). With relu,
// a NaN may become 0, because libraries differ. Calls are counted in the Exec's GemmCounts
// (gemm_shape.h) while exec.profiler is on. A shape's first call creates its cached state: on the
// CPU oneDNN's primitive, which planning creates too; on CUDA, where different alignments of the
// operands are different shapes, the choice of an algorithm, which the second call may better
// (gemm_trials.h). Later calls allocate nothing except oneDNN's own argument map, about 300 bytes.
// Throws RuntimeFailure if the library cannot run.
void gemm(Exec& exec, Tensor c, Tensor a, Tensor b, GemmOptions options = {}, Tensor base = {});

// T is the element type of a and b.
template <Backend, class T>
struct GemmImpl {
  // Also called while planning; then it takes its scratch and computes nothing. base is empty
  // unless shape.has_base.
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base, const GemmShape& shape);
};

}  // namespace sy
