#include "kernels/adafactor.h"

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
  const int64_t blocks = ceil_div(value.dim(1), kAdafactorRows);
  ScratchScope scope(exec);
  // Per block of rows: the column sums of its squared gradient, and two sums of squares. Then the
  // reciprocal roots of the column factors.
  const Tensor scratch = scope.take(DType::f64, {blocks + 1, value.dim(2) + 2}, "adafactor");
  if (exec.planning) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    for (int64_t e = 0; e < value.dim(0); ++e) {
      AdafactorImpl<B, T>::matrix(exec, value.at(e), row.slice(e, 1), col.slice(e, 1), grad.at(e),
                                  step, scratch);
    }
  });
}

void adafactor_vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                      const AdafactorStep& step) {
  SY_CHECK(value.rank() == 2 && grad.shape() == value.shape() && second.shape() == value.shape(),
           "adafactor: value {}, grad {}, second {}", value.shape().str(), grad.shape().str(),
           second.shape().str());
  if (exec.planning) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    AdafactorImpl<B, T>::vector(exec, value, second, grad, step);
  });
}

}  // namespace sy
