// Inverted dropout (Srivastava et al. 2014) whose mask is drawn by the element's global place, so
// it is the same on every mesh and is drawn again in backward instead of being stored.
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Element (row, col) of a tensor with `cols` columns draws word (global_row * cols + col) of `key`
// and is kept when its uniform is >= rate; kept elements are multiplied by 1 / (1 - rate). The
// global row is row_ids[row] (int32) where row_ids is given (a negative id: the row is kept whole),
// else first_row + row. rate 0 draws nothing.
struct Dropout {
  float rate = 0;
  RandomKey key;
  int64_t first_row = 0;
  Tensor row_ids;  // int32 [rows] or empty
};

// Throws InternalError unless the rate is in [0, 1) and row_ids fits `rows`; for ops that drop.
void check_dropout(const char* op, const Dropout& dropout, int64_t rows);

// out [rows, cols] (overwritten; may be x) = dropout(x). Float32, float64 or bfloat16. Its own
// gradient: backward is dropout_forward(d_x, d_out) with the same spec.
void dropout_forward(Exec& exec, Tensor out, Tensor x, const Dropout& dropout);

// out [rows, cols] (overwritten; may be residual or x) = residual + dropout(x).
void residual_dropout_forward(Exec& exec, Tensor out, Tensor residual, Tensor x,
                              const Dropout& dropout);

template <Backend, class T>
struct DropoutImpl {
  static void forward(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout);
};

}  // namespace sy
