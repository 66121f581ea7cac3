// One Adafactor step without momentum (Shazeer & Stern 2018, algorithms 4 and 5, as T5 uses it) on
// a list of parameters of any shapes. An item is a batch of one shape: an expert weight [E, n, m]
// is E matrices, each factored, clipped and scaled on its own. An item's result is the same bits
// whatever else is in the list.
#pragma once

#include <algorithm>
#include <span>

#include "lib/base/numeric.h"
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
struct AdafactorMatrix {
  Tensor value, row, col, grad;
};

// The unfactored form: value, second [batch, n] are updated, grad [batch, n] is read.
struct AdafactorVector {
  Tensor value, second, grad;
};

// Steps every item. All values and gradients have one dtype, float32 or float64; no two items
// share memory. InternalError where shapes or dtypes do not fit.
void adafactor_matrices(Exec& exec, std::span<const AdafactorMatrix> items,
                        const AdafactorStep& step);
void adafactor_vectors(Exec& exec, std::span<const AdafactorVector> items,
                       const AdafactorStep& step);

// Rows that are summed together before blocks are added in order: results do not depend on threads.
constexpr int64_t kAdafactorRows = 64;
constexpr int64_t kAdafactorCols = 128;  // the CUDA form cuts such a block's columns too
constexpr int64_t kAdafactorTotals = 3;  // float64 sums of a block
constexpr size_t kAdafactorItems = 32;   // at most of a wave: CUDA kernels have them as arguments

// How an item's matrices are cut up, and what that takes of scratch.
struct AdafactorTiling {
  int64_t batch, n, m;
  int64_t blocks, chunks;  // of rows, and of a block's columns

  AdafactorTiling(Backend backend, const AdafactorMatrix& item)
      : batch(item.value.dim(0)),
        n(item.value.dim(1)),
        m(item.value.dim(2)),
        blocks(ceil_div(n, kAdafactorRows)),
        chunks(backend == Backend::cuda ? ceil_div(m, kAdafactorCols) : 1) {}

  int64_t tiles() const { return blocks * chunks; }
  int64_t columns() const { return batch * (blocks + 1) * m; }                 // of T
  int64_t rows() const { return batch * (chunks + 1) * n; }                    // of T, CUDA
  int64_t totals() const { return batch * (tiles() + 1) * kAdafactorTotals; }  // float64
};

// Of a vector of n elements, each a block's on CUDA.
inline int64_t adafactor_parts(int64_t n) {
  constexpr int64_t kPartElements = 4096, kMostParts = 64;
  return std::min(ceil_div(n, kPartElements), kMostParts);
}

template <Backend, class T>
struct AdafactorImpl {
  // One wave, at most kAdafactorItems; items without elements are left alone. Scratch of all items
  // together, as their tilings say: sums [columns + rows] of T, on the CPU [columns]; totals
  // float64.
  static void matrices(Exec& exec, std::span<const AdafactorMatrix> wave, const AdafactorStep& step,
                       Tensor sums, Tensor totals);
  // As many vectors at most. Scratch of CUDA alone: float64, 2 for each part of each vector.
  static void vectors(Exec& exec, std::span<const AdafactorVector> wave, const AdafactorStep& step,
                      Tensor totals);
};

}  // namespace sy
