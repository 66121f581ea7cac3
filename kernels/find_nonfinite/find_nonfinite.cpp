// SPDX-License-Identifier: Apache-2.0
#include "kernels/find_nonfinite/find_nonfinite.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void find_nonfinite(Exec& exec, Tensor index, Tensor x, Tensor squares) {
  SY_CHECK(index.dtype() == DType::f64 && index.numel() == 1 && squares.dtype() == DType::f64 &&
               squares.numel() == 1,
           "find_nonfinite: index {} {}, squares {} {}", name_of(index.dtype()),
           index.shape().str(), name_of(squares.dtype()), squares.shape().str());
  if (exec.planning) return;
  dispatch(exec, x.dtype(), "find_nonfinite",
           [&]<Backend B, class T>() { FindNonfiniteImpl<B, T>::run(exec, index, x, squares); });
}

}  // namespace sy
