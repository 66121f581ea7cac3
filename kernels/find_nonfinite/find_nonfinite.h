// SPDX-License-Identifier: Apache-2.0
// Finds the first element of a tensor that is not finite, on the device that holds the tensor, so
// the answer can be read long after the tensor has changed.
#pragma once

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// index [1] (overwritten) = the position of x's first element that is infinite or NaN, or -1 if
// there is none. squares [1]: the sum of x's squares, possibly over other ranks' tensors too. If it
// is finite, x must be finite as well and is not read. x is float32 or float64 and may be empty;
// the other two are float64. No scratch, and nothing waits.
void find_nonfinite(Exec& exec, Tensor index, Tensor x, Tensor squares);

// x - x is 0 for a finite x and NaN otherwise.
template <class T>
SY_HOST_DEVICE inline bool is_finite(T x) {
  return x - x == 0;  // NOLINT(misc-redundant-expression)
}

template <Backend, class T>
struct FindNonfiniteImpl {
  static void run(Exec& exec, Tensor index, Tensor x, Tensor squares);
};

}  // namespace sy
