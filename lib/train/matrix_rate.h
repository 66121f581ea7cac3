// The matrix-product rate that this rank reaches: the denominator of model FLOPs utilisation (MFU).
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

// Best of a few products of 1024 x 1024 matrices of `dtype`, float32 or bfloat16, in floating-point
// operations a second.
double measure_matrix_rate(Backend backend, int threads, DType dtype = DType::f32);

}  // namespace sy
