// One Adafactor step without momentum (Shazeer & Stern 2018, algorithms 4 and 5, as T5 uses it) on
// a batch of parameters of one shape: an expert weight [E, n, m] is E matrices, each factored,
// clipped and scaled on its own.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct AdafactorStep {
  double learning_rate =
      0;             // relative step size: multiplied by max(parameter_floor, RMS(parameter))
  double decay = 0;  // beta2_t = 1 - t^-0.8
  double update_clip = 1.0;  // largest RMS of the update
  double epsilon = 1e-30;    // added to the squared gradient
  double parameter_floor = 1e-3;
  double weight_decay = 0;  // value -= learning_rate * weight_decay * value
  // Float64 and of the exec's memory, as grad_clip.h leaves it: the factor by which the gradient is
  // multiplied first, and 0 where nothing may change. Empty: the gradient as it is.
  Tensor clip;
};

// value [batch, n, m] is updated in place; row [batch, n] and col [batch, m] hold the factored
// second moment and are updated; grad [batch, n, m] is read.
void adafactor_matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                      const AdafactorStep& step);

// The unfactored form for vectors: value, second [batch, n], grad [batch, n].
void adafactor_vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                      const AdafactorStep& step);

// Rows that are summed together before blocks are added in order: results do not depend on threads.
constexpr int64_t kAdafactorRows = 64;
constexpr int64_t kAdafactorCols = 128;  // the CUDA form cuts such a block's columns too
constexpr int64_t kAdafactorTotals = 3;  // float64 sums of a block

template <Backend, class T>
struct AdafactorImpl {
  // Scratch, with blocks = ceil(n / kAdafactorRows) and chunks = ceil(m / kAdafactorCols), on the
  // CPU 1: columns [batch, blocks + 1, m] of T, rows [batch, chunks + 1, n] of T (CUDA alone),
  // totals float64 [batch, blocks * chunks + 1, kAdafactorTotals].
  static void matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                     const AdafactorStep& step, Tensor columns, Tensor rows, Tensor totals);
  // Scratch of CUDA alone: totals float64 [batch, parts, 2].
  static void vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                     const AdafactorStep& step, Tensor totals);
};

}  // namespace sy
