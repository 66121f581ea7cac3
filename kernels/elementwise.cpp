#include "kernels/elementwise.h"

#include <cstring>

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check_same(const char* op, Tensor x, Tensor y) {
  SY_CHECK(x.numel() == y.numel() && x.dtype() == y.dtype(), "{}: {} {} and {} {}", op,
           name_of(x.dtype()), x.shape().str(), name_of(y.dtype()), y.shape().str());
}

double total(Exec& exec, Tensor x, bool squares) {
  if (exec.planning || x.empty()) return 0;
  double result = 0;
  dispatch(exec, x.dtype(), "sum",
           [&]<Backend B, class T>() { result = ElementwiseImpl<B, T>::sum(exec, x, squares); });
  return result;
}

}  // namespace

void fill_zero(Exec& exec, Tensor x) {
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("fill_zero");
  std::memset(x.raw(), 0, static_cast<size_t>(x.bytes()));
}

void copy(Exec& exec, Tensor out, Tensor x) {
  check_same("copy", out, x);
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("copy");
  std::memcpy(out.raw(), x.raw(), static_cast<size_t>(x.bytes()));
}

void scale_inplace(Exec& exec, Tensor x, double factor) {
  if (exec.planning || x.empty()) return;
  dispatch(exec, x.dtype(), "scale_inplace",
           [&]<Backend B, class T>() { ElementwiseImpl<B, T>::scale(exec, x, factor); });
}

void add_inplace(Exec& exec, Tensor x, Tensor y) {
  check_same("add_inplace", x, y);
  if (exec.planning || x.empty()) return;
  dispatch(exec, x.dtype(), "add_inplace",
           [&]<Backend B, class T>() { ElementwiseImpl<B, T>::add(exec, x, y); });
}

double sum(Exec& exec, Tensor x) {
  return total(exec, x, false);
}
double sum_of_squares(Exec& exec, Tensor x) {
  return total(exec, x, true);
}

}  // namespace sy
