// Small helpers over whole tensors: fill, scale, add, sums. Sums are taken in a fixed order that
// depends on the number of elements only, never on the number of threads, and accumulate in
// float64.
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

// Sum of the elements and of their squares; not finite if an element is not. 0 while planning.
double sum(Exec& exec, Tensor x);
double sum_of_squares(Exec& exec, Tensor x);

template <Backend>
struct CastImpl {
  static void widen(Exec& exec, Tensor out, Tensor x);   // float32 from bfloat16
  static void narrow(Exec& exec, Tensor out, Tensor x);  // bfloat16 from float32
  static void round(Exec& exec, Tensor x);
};

// sum: float32 and float64.
template <Backend, class T>
struct ElementwiseImpl {
  static void scale(Exec& exec, Tensor x, double factor);
  static void add(Exec& exec, Tensor x, Tensor y);
  static double sum(Exec& exec, Tensor x, bool squares);
};

}  // namespace sy
