// SPDX-License-Identifier: Apache-2.0
// Dropout of one row on the CPU, shared by all ops that apply it. The op passes what to do with an
// element and its dropout factor, and gets a loop in which the mask stays in registers.
#pragma once

#include "kernels/cpu/philox_fill.h"
#include "kernels/dropout/dropout.h"

namespace sy {

// Calls body(c, factor) for the columns of a row. factor is 1 / (1 - rate) for a kept element, 0
// for a dropped one, and 1 if nothing is drawn. Calls may run in vector lanes, so body must touch
// only column c.
template <class T, class Body>
inline void for_each_dropped(const Dropout& dropout, int64_t row, int64_t cols, Body body) {
  const int64_t id = dropout.row_ids.empty() ? (dropout.first_row + row) / dropout.rows_per_mask
                                             : dropout.row_ids.data<int32_t>()[row];
  if (dropout.rate == 0 || id < 0) {
#pragma omp simd
    for (int64_t c = 0; c < cols; ++c) body(c, T(1));
    return;
  }
  const float rate = dropout.rate;
  const T keep = T(1) / (T(1) - static_cast<T>(rate));
  const uint64_t first =
      static_cast<uint64_t>(id) * static_cast<uint64_t>(dropout.row_words(cols)) +
      static_cast<uint64_t>(dropout.first_col);
  for_each_uniform(dropout.key, first, cols,
                   [=](int64_t c, float u) { body(c, u >= rate ? keep : T(0)); });
}

}  // namespace sy
