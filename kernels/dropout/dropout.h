// SPDX-License-Identifier: Apache-2.0
// Inverted dropout (Srivastava et al. 2014). The mask is drawn from the element's global position,
// so it is the same on every mesh, and backward draws it again instead of storing it.
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Element (row, col) of a tensor draws word (id * num_cols + first_col + col) of `key` and is kept
// if its uniform is >= rate; kept elements are multiplied by 1 / (1 - rate). The id is row_ids[row]
// if row_ids is given (a negative one keeps the whole row), else (first_row + row) / rows_per_mask,
// so that as many consecutive rows of the global tensor share a mask. A tensor that is a shard of
// the columns sets first_col and num_cols, so that it draws what the whole one draws; if num_cols
// is 0 the tensor has all columns. A rate of 0 draws nothing.
struct Dropout {
  float rate = 0;
  RandomKey key;
  int64_t first_row = 0;
  Tensor row_ids;  // int32 [rows] or empty
  int64_t first_col = 0;
  int64_t num_cols = 0;
  int64_t rows_per_mask = 1;  // 1 if row_ids are given

  // Words per mask of a row, for a tensor with `cols` columns.
  int64_t row_words(int64_t cols) const { return num_cols == 0 ? cols : num_cols; }
};

// For ops that apply dropout to a [rows, cols] tensor. Throws InternalError unless the rate is in
// [0, 1), row_ids has `rows` entries or is empty, the columns lie within num_cols, and
// rows_per_mask is at least 1.
void check_dropout(const char* op, const Dropout& dropout, int64_t rows, int64_t cols);

// out [rows, cols] (overwritten; may be x) = dropout(x). Float32, float64 or bfloat16. It is its
// own gradient: backward is dropout_forward(d_x, d_out) with the same Dropout.
void dropout_forward(Exec& exec, Tensor out, Tensor x, const Dropout& dropout);

// The gradient of dropout's input: d_out itself where nothing is dropped, otherwise `room`, of
// d_out's shape, which is then overwritten with it.
inline Tensor dropout_backward(Exec& exec, Tensor room, Tensor d_out, const Dropout& dropout) {
  if (dropout.rate == 0) return d_out;
  dropout_forward(exec, room, d_out, dropout);
  return room;
}

// out [rows, cols] (overwritten; may be residual or x) = residual + dropout(x).
void residual_dropout_forward(Exec& exec, Tensor out, Tensor residual, Tensor x,
                              const Dropout& dropout);

template <Backend, class T>
struct DropoutImpl {
  static void forward(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout);
};

}  // namespace sy
