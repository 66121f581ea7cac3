#include "kernels/gemm.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor c, Tensor a, Tensor b, GemmOptions options) {
  const int rank = c.rank();
  bool fits = (rank == 2 || rank == 3) && a.rank() == rank && b.rank() == rank &&
              a.dtype() == c.dtype() && b.dtype() == c.dtype();
  if (fits) {
    const int64_t a_rows = a.dim(options.transpose_a ? -1 : -2);
    const int64_t a_cols = a.dim(options.transpose_a ? -2 : -1);
    const int64_t b_rows = b.dim(options.transpose_b ? -1 : -2);
    const int64_t b_cols = b.dim(options.transpose_b ? -2 : -1);
    fits = a_rows == c.dim(-2) && b_cols == c.dim(-1) && a_cols == b_rows &&
           (rank == 2 || (a.dim(0) == c.dim(0) && b.dim(0) == c.dim(0)));
  }
  SY_CHECK(fits, "gemm: c {} {} from a {} {}{}, b {} {}{}", name_of(c.dtype()), c.shape().str(),
           name_of(a.dtype()), a.shape().str(), options.transpose_a ? " transposed" : "",
           name_of(b.dtype()), b.shape().str(), options.transpose_b ? " transposed" : "");
}

}  // namespace

void gemm(Exec& exec, Tensor c, Tensor a, Tensor b, GemmOptions options) {
  check(c, a, b, options);
  const int64_t k = a.dim(options.transpose_a ? -2 : -1);
  if (!exec.planning) {
    exec.profiler.gemm_flops += 2.0 * static_cast<double>(c.numel()) * static_cast<double>(k);
  }
  const ProfileScope profile(exec.profiler, Part::gemm);
  // Runs while planning too: only the implementation knows how much scratch a product takes.
  dispatch(exec, c.dtype(), "gemm",
           [&]<Backend B, class T>() { GemmImpl<B, T>::run(exec, c, a, b, options); });
}

}  // namespace sy
