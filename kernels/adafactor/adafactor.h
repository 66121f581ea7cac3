// SPDX-License-Identifier: Apache-2.0
// One Adafactor step without momentum (Shazeer & Stern 2018, algorithms 4 and 5, as T5 uses it) on
// a list of parameters of any shapes. An item is a batch of equal shapes: an expert weight [E, n,
// m] is E matrices, each factored, clipped and scaled separately. An item's result is bit-identical
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
  double update_clip = 1.0;  // maximum RMS of the update
  double epsilon = 1e-30;    // added to the squared gradient
  double parameter_floor = 1e-3;
  double weight_decay = 0;  // value -= learning_rate * weight_decay * value
  // A StepScalars tensor as grad_clip.h defines it, float64, in the exec's memory: the gradient is
  // first multiplied by kGradientScale, and nothing changes if kApplyUpdate is 0. Empty: the
  // gradient is used as it is.
  Tensor clip;
};

// value [batch, n, m] is updated in place; row [batch, n] and col [batch, m] hold the factored
// second moment and are updated in place; grad [batch, n, m] is read. If there is a `rounded`, of
// value's shape in bfloat16, it is overwritten with the new value, rounded.
struct AdafactorMatrix {
  Tensor value, row, col, grad, rounded = {};
};

// The unfactored form: value and second [batch, n] are updated in place; grad [batch, n] is read;
// rounded as above.
struct AdafactorVector {
  Tensor value, second, grad, rounded = {};
};

// Steps every item. All values and gradients have the same dtype, float32 or float64, and no two
// items share memory. Throws InternalError if shapes or dtypes do not match.
void adafactor_matrices(Exec& exec, std::span<const AdafactorMatrix> items,
                        const AdafactorStep& step);
void adafactor_vectors(Exec& exec, std::span<const AdafactorVector> items,
                       const AdafactorStep& step);

// Rows whose sums are accumulated together, before these blocks are added in order, so that results
// do not depend on the number of threads.
constexpr int64_t kAdafactorRows = 64;
// Columns of a tile; CUDA splits a block of rows into tiles.
constexpr int64_t kAdafactorCols = 128;
constexpr int64_t kAdafactorTotals = 3;  // float64 sums per block or tile
constexpr size_t kAdafactorItems = 32;   // maximum per wave: CUDA kernels take them as arguments

// How an item's matrices are tiled, and the scratch that this takes.
struct AdafactorTiling {
  int64_t batch, n, m;
  int64_t blocks, chunks;  // of rows; of columns within a block

  AdafactorTiling(Backend backend, const AdafactorMatrix& item)
      : batch(item.value.dim(0)),
        n(item.value.dim(1)),
        m(item.value.dim(2)),
        blocks(ceil_div(n, kAdafactorRows)),
        chunks(backend == Backend::cuda ? ceil_div(m, kAdafactorCols) : 1) {}

  int64_t tiles() const { return blocks * chunks; }
  int64_t columns() const { return batch * (blocks + 1) * m; }  // elements of T
  int64_t rows() const { return batch * (chunks + 1) * n; }     // elements of T, CUDA only
  // Elements of float64.
  int64_t totals() const { return batch * (tiles() + 1) * kAdafactorTotals; }
};

// Parts of a vector of n elements; on CUDA each part has a block of threads.
inline int64_t adafactor_parts(int64_t n) {
  constexpr int64_t kPartElements = 4096, kMaxParts = 64;
  return std::min(ceil_div(n, kPartElements), kMaxParts);
}

template <Backend, class T>
struct AdafactorImpl {
  // Steps one wave of at most kAdafactorItems; items without elements are skipped. Scratch for all
  // its items together, sized by their tilings: sums of T, [columns + rows] on CUDA and [columns]
  // on the CPU; totals of float64.
  static void matrices(Exec& exec, std::span<const AdafactorMatrix> wave, const AdafactorStep& step,
                       Tensor sums, Tensor totals);
  // Steps at most kAdafactorItems vectors. Scratch on CUDA only: totals, 2 float64 per part of each
  // vector.
  static void vectors(Exec& exec, std::span<const AdafactorVector> wave, const AdafactorStep& step,
                      Tensor totals);
};

}  // namespace sy
