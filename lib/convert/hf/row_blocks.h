// SPDX-License-Identifier: Apache-2.0
// Copies tensors between the two orientations in blocks of rows. Rows are those of the matrix as
// Hugging Face stores it ([out, in]; a vector is a single row).
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/convert/hf/hf_names.h"

namespace sy::convert {

struct Matrix {
  int64_t rows = 1;
  int64_t cols = 1;
  bool transposed = false;  // our layout is [cols, rows]

  explicit Matrix(const HfTensor& tensor)
      : rows(tensor.shape.size() < 2 ? 1 : tensor.shape[0]),
        cols(tensor.shape.back()),
        transposed(tensor.transposed) {}
  // Rows per block, about a megabyte of float32.
  int64_t block_rows() const { return std::clamp<int64_t>((1 << 18) / cols, 1, rows); }
};

// block [count, cols] (overwritten) = rows [first, first + count) of `ours`.
inline void gather_rows(float* block, const float* ours, const Matrix& m, int64_t first,
                        int64_t count) {
  if (!m.transposed) {
    std::copy_n(ours + first * m.cols, count * m.cols, block);
    return;
  }
  for (int64_t col = 0; col < m.cols; ++col) {
    for (int64_t row = 0; row < count; ++row) {
      block[row * m.cols + col] = ours[col * m.rows + first + row];
    }
  }
}

// The reverse: rows [first, first + count) of `ours` are overwritten with block.
inline void scatter_rows(float* ours, const float* block, const Matrix& m, int64_t first,
                         int64_t count) {
  if (!m.transposed) {
    std::copy_n(block, count * m.cols, ours + first * m.cols);
    return;
  }
  for (int64_t col = 0; col < m.cols; ++col) {
    for (int64_t row = 0; row < count; ++row) {
      ours[col * m.rows + first + row] = block[row * m.cols + col];
    }
  }
}

}  // namespace sy::convert
