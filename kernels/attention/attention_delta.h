// What the softmax's gradient subtracts in every row: the sum of d_out * out.
#pragma once

#include "kernels/attention/attention_problem.h"
#include "kernels/cuda/reduce.h"

namespace sy {

constexpr int kDeltaThreads = 128;  // a warp a row

// delta [sequences, heads, lq] of d_out, out [sequences, lq, heads, d]. Reads both once, which is
// the least: 4 d bytes a row in bfloat16.
template <class T>
__global__ void delta_kernel(Compute<T>* delta, const T* d_out, const T* out, int64_t rows, int lq,
                             int heads, int d) {
  const int64_t row = int64_t{blockIdx.x} * (kDeltaThreads / kWarp) + warp_id();
  if (row >= rows) return;
  Compute<T> sum = 0;
  for (int c = lane_id(); c < d; c += kWarp) {
    sum += Compute<T>(d_out[row * d + c]) * Compute<T>(out[row * d + c]);
  }
  sum = warp_sum(sum);
  if (lane_id() != 0) return;
  const int64_t token = row / heads, head = row % heads;
  delta[(token / lq * heads + head) * lq + token % lq] = sum;
}

}  // namespace sy
