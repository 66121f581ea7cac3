// Small helpers over whole tensors: fill, scale, add, sums. Sums are taken in a fixed order that
// depends on the number of elements and the backend only, never on the number of threads, and
// accumulate in float64.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

void fill_zero(Exec& exec, Tensor x);                     // x = 0, any dtype
void scale_inplace(Exec& exec, Tensor x, double factor);  // x *= factor
void add_inplace(Exec& exec, Tensor x, Tensor y);         // x += y
void copy(Exec& exec, Tensor out, Tensor x);              // out = x, same dtype and size
// The three take bfloat16 too. Between the two precisions, or as copy() where the dtypes are one:
void cast(Exec& exec, Tensor out, Tensor x);   // out = x, float32 from bfloat16 or to it
void round_to_bfloat16(Exec& exec, Tensor x);  // float32 x = the nearest bfloat16

// total [1], float64 and of the exec's memory, += factor * the sum of x's elements, or of their
// squares: not finite if an element is not. Nothing waits; read_number() of transfer.h reads it.
void add_sum(Exec& exec, Tensor total, Tensor x, double factor = 1.0);
void add_sum_of_squares(Exec& exec, Tensor total, Tensor x);

// x += y, both int32: counters.
void add_counts(Exec& exec, Tensor x, Tensor y);

// Any dtype, as bytes.
template <Backend>
struct BytesImpl {
  static void zero(Exec& exec, Tensor x);
  static void copy(Exec& exec, Tensor out, Tensor x);
};

template <Backend>
struct CastImpl {
  static void widen(Exec& exec, Tensor out, Tensor x);   // float32 from bfloat16
  static void narrow(Exec& exec, Tensor out, Tensor x);  // bfloat16 from float32
  static void round(Exec& exec, Tensor x);
};

template <Backend>
struct CountsImpl {
  static void add(Exec& exec, Tensor x, Tensor y);
};

// Elements whose sums are taken apart and added in order, and how many such sums at once.
constexpr int64_t kSumBlock = 4096;
constexpr int64_t kSumBlocks = 1024;

template <Backend, class T>
struct ElementwiseImpl {
  static void scale(Exec& exec, Tensor x, double factor);
  static void add(Exec& exec, Tensor x, Tensor y);
};

// T is float32 or float64. partial: float64 [min(kSumBlocks, blocks)], scratch.
template <Backend, class T>
struct SumImpl {
  static void add(Exec& exec, Tensor total, Tensor x, bool squares, double factor, Tensor partial);
};

}  // namespace sy
