// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/elementwise.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

void check_same(const char* op, Tensor x, Tensor y) {
  SY_CHECK(x.numel() == y.numel() && x.dtype() == y.dtype(), "{}: {} {} and {} {}", op,
           name_of(x.dtype()), x.shape().str(), name_of(y.dtype()), y.shape().str());
}

void add_total(Exec& exec, Tensor total, Tensor x, bool squares, double factor) {
  SY_CHECK(total.dtype() == DType::f64 && total.numel() == 1, "sum: total {} {}",
           name_of(total.dtype()), total.shape().str());
  ScratchScope scratch(exec);
  const int64_t blocks = std::min(kSumBlocks, ceil_div(x.numel(), kSumBlock));
  const Tensor partial = scratch.take(DType::f64, {blocks}, "sums");
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch(exec, x.dtype(), "sum", [&]<Backend B, class T>() {
    SumImpl<B, T>::add(exec, total, x, squares, factor, partial);
  });
}

}  // namespace

void fill_zero(Exec& exec, Tensor x) {
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_backend(exec, "fill_zero", [&]<Backend B>() { BytesImpl<B>::zero(exec, x); });
}

void copy(Exec& exec, Tensor out, Tensor x) {
  check_same("copy", out, x);
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_backend(exec, "copy", [&]<Backend B>() { BytesImpl<B>::copy(exec, out, x); });
}

void copy_columns(Exec& exec, Tensor out, int64_t out_first, Tensor x, int64_t x_first,
                  int64_t cols) {
  SY_CHECK(out.dtype() == x.dtype() && out.rows() == x.rows() && out_first >= 0 && x_first >= 0 &&
               cols >= 0 && out_first + cols <= out.cols() && x_first + cols <= x.cols(),
           "copy_columns: {} columns from {} on of {} {}, to {} on of {} {}", cols, x_first,
           name_of(x.dtype()), x.shape().str(), out_first, name_of(out.dtype()), out.shape().str());
  if (exec.planning || cols == 0 || x.rows() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  const auto size = static_cast<int64_t>(size_of(x.dtype()));
  char* const to = static_cast<char*>(out.raw()) + out_first * size;
  const char* const from = static_cast<const char*>(x.raw()) + x_first * size;
  dispatch_backend(exec, "copy_columns", [&]<Backend B>() {
    BytesImpl<B>::copy_rows(exec, to, out.cols() * size, from, x.cols() * size, cols * size,
                            x.rows());
  });
}

void cast(Exec& exec, Tensor out, Tensor x) {
  if (out.dtype() == x.dtype()) return copy(exec, out, x);
  const bool narrows = out.dtype() == DType::bf16;
  SY_CHECK(out.numel() == x.numel() && (narrows ? x : out).dtype() == DType::f32 &&
               (narrows ? out : x).dtype() == DType::bf16,
           "cast: {} {} from {} {}", name_of(out.dtype()), out.shape().str(), name_of(x.dtype()),
           x.shape().str());
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_backend(exec, "cast", [&]<Backend B>() {
    narrows ? CastImpl<B>::narrow(exec, out, x) : CastImpl<B>::widen(exec, out, x);
  });
}

void round_to_bfloat16(Exec& exec, Tensor x) {
  SY_CHECK(x.dtype() == DType::f32, "round_to_bfloat16: {}", name_of(x.dtype()));
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_backend(exec, "round_to_bfloat16", [&]<Backend B>() { CastImpl<B>::round(exec, x); });
}

void scale_inplace(Exec& exec, Tensor x, double factor) {
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_activations(exec, x.dtype(), "scale_inplace", [&]<Backend B, class T>() {
    ElementwiseImpl<B, T>::scale(exec, x, factor);
  });
}

void add_inplace(Exec& exec, Tensor x, Tensor y) {
  check_same("add_inplace", x, y);
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_activations(exec, x.dtype(), "add_inplace",
                       [&]<Backend B, class T>() { ElementwiseImpl<B, T>::add(exec, x, y); });
}

void add_sum(Exec& exec, Tensor total, Tensor x, double factor) {
  add_total(exec, total, x, false, factor);
}
void add_sum_of_squares(Exec& exec, Tensor total, Tensor x) {
  add_total(exec, total, x, true, 1.0);
}

void add_counts(Exec& exec, Tensor x, Tensor y) {
  check_same("add_counts", x, y);
  SY_CHECK(x.dtype() == DType::i32, "add_counts: {}", name_of(x.dtype()));
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_backend(exec, "add_counts", [&]<Backend B>() { CountsImpl<B>::add(exec, x, y); });
}

}  // namespace sy
