// SPDX-License-Identifier: Apache-2.0
// Random operands for measurements: a GPU draws less power, and so runs faster, on constants.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Overwrites `tensor`, float32, float64 or bfloat16 in the exec's memory, with numbers between
// -0.05 and 0.05. The same 65,521 numbers, a prime, are repeated, so that rows differ. Waits until
// the exec has done it.
void fill_random(Exec& exec, Tensor tensor);

}  // namespace sy
