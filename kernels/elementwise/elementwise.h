// SPDX-License-Identifier: Apache-2.0
// Operations on whole tensors: fill, scale, add, copy, sum. Sums are accumulated in float64, in a
// fixed order that depends only on the number of elements and the backend, never on the number of
// threads.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

void fill_zero(Exec& exec, Tensor x);                     // x = 0, any dtype
void scale_inplace(Exec& exec, Tensor x, double factor);  // x *= factor
void add_inplace(Exec& exec, Tensor x, Tensor y);         // x += y
void copy(Exec& exec, Tensor out, Tensor x);              // out = x, same dtype and size
// Columns [out_first, out_first + cols) of out [rows, ...] = those of x [rows, ...] from x_first
// on, any dtype.
void copy_columns(Exec& exec, Tensor out, int64_t out_first, Tensor x, int64_t x_first,
                  int64_t cols);
// scale_inplace, add_inplace and copy also take bfloat16. Conversions; cast() between equal dtypes
// is copy():
void cast(Exec& exec, Tensor out, Tensor x);   // out = x, from bfloat16 to float32 or back
void round_to_bfloat16(Exec& exec, Tensor x);  // rounds each float32 to the nearest bfloat16

// total [1], float64 in the exec's memory, += factor * the sum of x's elements, or of their
// squares. Not finite if any element is not. Does not wait; read_number() in transfer.h reads the
// result.
void add_sum(Exec& exec, Tensor total, Tensor x, double factor = 1.0);
void add_sum_of_squares(Exec& exec, Tensor total, Tensor x);

// x += y for int32 counters.
void add_counts(Exec& exec, Tensor x, Tensor y);

// Works on bytes, for any dtype.
template <Backend>
struct BytesImpl {
  static void zero(Exec& exec, Tensor x);
  static void copy(Exec& exec, Tensor out, Tensor x);
  // Rows of `bytes` bytes, which lie out_step and x_step bytes apart.
  static void copy_rows(Exec& exec, void* out, int64_t out_step, const void* x, int64_t x_step,
                        int64_t bytes, int64_t rows);
};

template <Backend>
struct CastImpl {
  static void widen(Exec& exec, Tensor out, Tensor x);   // bfloat16 to float32
  static void narrow(Exec& exec, Tensor out, Tensor x);  // float32 to bfloat16
  static void round(Exec& exec, Tensor x);
};

template <Backend>
struct CountsImpl {
  static void add(Exec& exec, Tensor x, Tensor y);
};

// Elements per block, whose sums are computed separately and added in order, and the maximum number
// of such sums at once.
constexpr int64_t kSumBlock = 4096;
constexpr int64_t kSumBlocks = 1024;

template <Backend, class T>
struct ElementwiseImpl {
  static void scale(Exec& exec, Tensor x, double factor);
  static void add(Exec& exec, Tensor x, Tensor y);
};

// T is float32 or float64. partial is scratch, float64 [min(kSumBlocks, blocks)].
template <Backend, class T>
struct SumImpl {
  static void add(Exec& exec, Tensor total, Tensor x, bool squares, double factor, Tensor partial);
};

}  // namespace sy
