#include "kernels/adafactor.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {

void adafactor_matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                      const AdafactorStep& step) {
  SY_CHECK(value.rank() == 3 && grad.shape() == value.shape() &&
               row.shape() == Shape({value.dim(0), value.dim(1)}) &&
               col.shape() == Shape({value.dim(0), value.dim(2)}),
           "adafactor: value {}, grad {}, row {}, col {}", value.shape().str(), grad.shape().str(),
           row.shape().str(), col.shape().str());
  const int64_t batch = value.dim(0), blocks = ceil_div(value.dim(1), kAdafactorRows);
  // As many matrices at a time as keep every thread busy, and no more: between the three passes
  // over a matrix it stays in cache.
  const int64_t wave = std::min(batch, ceil_div(exec.threads, std::max<int64_t>(blocks, 1)));
  ScratchScope scratch(exec);
  const Tensor columns =
      scratch.take(value.dtype(), {wave, blocks + 1, value.dim(2)}, "adafactor columns");
  const Tensor totals =
      scratch.take(DType::f64, {wave, blocks + 1, kAdafactorTotals}, "adafactor totals");
  if (exec.planning || value.numel() == 0) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    for (int64_t e = 0; e < batch; e += wave) {
      const int64_t count = std::min(wave, batch - e);
      AdafactorImpl<B, T>::matrix(exec, value.slice(e, count), row.slice(e, count),
                                  col.slice(e, count), grad.slice(e, count), step, columns, totals);
    }
  });
}

void adafactor_vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                      const AdafactorStep& step) {
  SY_CHECK(value.rank() == 2 && grad.shape() == value.shape() && second.shape() == value.shape(),
           "adafactor: value {}, grad {}, second {}", value.shape().str(), grad.shape().str(),
           second.shape().str());
  if (exec.planning || value.numel() == 0) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    AdafactorImpl<B, T>::vector(exec, value, second, grad, step);
  });
}

}  // namespace sy
