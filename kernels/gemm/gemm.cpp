// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm.h"

#include "kernels/activation/activation.h"
#include "kernels/dispatch_dtype.h"
#include "kernels/gemm/gemm_shape.h"

namespace sy {

GemmShape gemm_shape(Tensor c, Tensor a, Tensor b, const GemmOptions& options) {
  const int rank = c.rank();
  SY_CHECK((rank == 2 || rank == 3) && a.rank() == rank && b.rank() == rank,
           "gemm: c {}, a {}, b {}", c.shape().str(), a.shape().str(), b.shape().str());
  GemmShape shape;
  shape.batch = rank == 3 ? c.dim(0) : 1;
  shape.shared_a = shape.batch > 1 && a.dim(0) == 1;
  shape.m = c.dim(-2);
  shape.n = c.dim(-1);
  shape.k = options.transpose_a ? a.dim(-2) : a.dim(-1);
  const bool fits =
      (options.transpose_a ? a.dim(-1) : a.dim(-2)) == shape.m &&
      (options.transpose_b ? b.dim(-1) : b.dim(-2)) == shape.k &&
      (options.transpose_b ? b.dim(-2) : b.dim(-1)) == shape.n &&
      (rank == 2 || ((shape.shared_a || a.dim(0) == shape.batch) && b.dim(0) == shape.batch));
  SY_CHECK(fits, "gemm: c {} from a {}{} and b {}{}", c.shape().str(), a.shape().str(),
           options.transpose_a ? " transposed" : "", b.shape().str(),
           options.transpose_b ? " transposed" : "");
  SY_CHECK(
      a.dtype() == b.dtype() && (c.dtype() == a.dtype() || c.dtype() == compute_dtype(a.dtype())),
      "gemm: {} from {} and {}", name_of(c.dtype()), name_of(a.dtype()), name_of(b.dtype()));
  SY_CHECK(!(options.relu && options.accumulate), "gemm: relu and accumulate exclude each other");
  shape.in = a.dtype();
  shape.out = c.dtype();
  shape.options = options;
  return shape;
}

namespace {

void relu_inplace(Exec& exec, Tensor c) {
  const Tensor rows = c.view({c.numel(), 1});
  if (c.numel() > 0) activation_forward(exec, rows, rows, {}, Activation::relu, {});
}

}  // namespace

void gemm(Exec& exec, Tensor c, Tensor a, Tensor b, GemmOptions options, Tensor base) {
  // Neither library guarantees relu for float64, which only gradient checks use.
  if (options.relu && a.dtype() == DType::f64) {
    options.relu = false;
    gemm(exec, c, a, b, options);
    return relu_inplace(exec, c);
  }
  GemmShape shape = gemm_shape(c, a, b, options);
  shape.has_base = !base.empty();
  SY_CHECK(!shape.has_base || (base.shape() == c.shape() && base.dtype() == c.dtype() &&
                               !options.accumulate && !options.relu),
           "gemm: base {} of c {}", base.shape().str(), c.shape().str());
  const ProfileScope profile(exec.profiler, Part::gemm);
  if (exec.planning) ++exec.state<PlannedGemms>().single[shape];
  // Planning creates the count's entry, so that counting allocates nothing during a step.
  if (exec.planning || exec.profiler.enabled()) {
    exec.state<GemmCounts>()[shape] += exec.planning ? 0 : 1;
  }
  dispatch_activations(exec, a.dtype(), "gemm", [&]<Backend B, class T>() {
    GemmImpl<B, T>::run(exec, c, a, b, base, shape);
  });
}

}  // namespace sy
