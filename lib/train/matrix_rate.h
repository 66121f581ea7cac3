// The matrix-product rate that this rank reaches: the denominator of model FLOPs utilisation (MFU).
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

// Best of a few products of square matrices of `dtype`, float32 or bfloat16, in floating-point
// operations a second. Squares of 1024, doubled up to 8192 while a product takes less than a
// millisecond: a GPU needs that much to be full.
double measure_matrix_rate(Backend backend, int threads, DType dtype = DType::f32);

}  // namespace sy
