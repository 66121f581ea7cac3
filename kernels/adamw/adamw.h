// One AdamW step (Loshchilov & Hutter 2019) over a flat region.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct AdamWStep {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // decoupled: value -= learning_rate * weight_decay * value
  int64_t step = 1;         // counts from 1: bias correction
  // Float64 and of the exec's memory, as grad_clip.h leaves it: the factor by which the gradient is
  // multiplied first, and 0 where nothing may change. Empty: the gradient as it is.
  Tensor clip;
};

// value, first, second [n] are updated in place; grad [n] is read.
void adamw(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
           const AdamWStep& step);

template <Backend, class T>
struct AdamWImpl {
  static void run(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
                  const AdamWStep& step);
};

}  // namespace sy
