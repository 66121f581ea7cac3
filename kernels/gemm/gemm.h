// Matrix products, cached by shape in the Exec, scratch from the Exec. CPU: oneDNN matmul
// primitives. CUDA: cuBLASLt.
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

// What this processor does with bfloat16 products: none; emulated, no faster than float32; native.
enum class Bfloat16Products : uint8_t { none, emulated, native };
Bfloat16Products bfloat16_products(Backend backend);

// c [m, n] (overwritten, or accumulated on request) = op(a) op(b), where op(a) is [m, k] and op(b)
// is [k, n]; with three axes, [batch, ...] each, `batch` independent products. All of one dtype,
// float32, float64 or bfloat16, or a float32 c of bfloat16 a and b; bfloat16 products are summed in
// float32. m, n, k or batch may be 0 (k = 0 gives zeros unless accumulating). With relu, a NaN may
// become 0: libraries differ. Counted in
// the Exec's GemmCounts (gemm_shape.h) while exec.profiler is on. A shape's first call makes what
// is kept of it: on the CPU, where planning does it too, oneDNN's primitive; on CUDA, where
// operands of other alignments are other shapes, cuBLASLt's choice of an algorithm. Later calls
// allocate nothing but the argument map of oneDNN's own, about 300 bytes. Throws RuntimeFailure
// when the library cannot run.
void gemm(Exec& exec, Tensor c, Tensor a, Tensor b, GemmOptions options = {});

template <Backend>
struct GemmSupport {
  static Bfloat16Products bfloat16();
};

// T is a's and b's element.
template <Backend, class T>
struct GemmImpl {
  // Called while planning too: takes its scratch, computes nothing.
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, const GemmShape& shape);
};

}  // namespace sy
