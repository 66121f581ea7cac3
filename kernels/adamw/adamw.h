// SPDX-License-Identifier: Apache-2.0
// One AdamW step (Loshchilov & Hutter 2019) over a flat range of elements.
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
  int64_t step = 1;         // counted from 1, for bias correction
  // A StepScalars tensor as grad_clip.h defines it, float64, in the exec's memory: the gradient is
  // first multiplied by kGradientScale, and nothing changes if kApplyUpdate is 0. Empty: the
  // gradient is used as it is.
  Tensor clip;
};

// value, first and second [n] are updated in place; grad [n] is read. Float32 or float64. If there
// is a `rounded`, bfloat16 [n], it is overwritten with the new value, rounded.
void adamw(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
           const AdamWStep& step, Tensor rounded = {});

template <Backend, class T>
struct AdamWImpl {
  static void run(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
                  const AdamWStep& step, Tensor rounded);
};

}  // namespace sy
