// SPDX-License-Identifier: Apache-2.0
// The sizes of one GEMM, derived from its tensors and checked.
#pragma once

#include <compare>
#include <map>

#include "kernels/gemm/gemm.h"

namespace sy {

struct GemmShape {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  DType in = DType::f32, out = DType::f32;  // of a and b, and of c
  GemmOptions options;
  bool has_base = false;  // adds the product to another matrix than c
  bool shared_a = false;  // one a for all products of the batch

  double flops() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(m) * static_cast<double>(n) *
           static_cast<double>(k);
  }
  auto operator<=>(const GemmShape&) const = default;
};

// How often each shape was multiplied while the profiler was on. Kept as state of an Exec.
using GemmCounts = std::map<GemmShape, int64_t>;

// How often planning met each shape since this was last cleared. Kept as state of an Exec.
struct PlannedGemms {
  GemmCounts single;
  // Grouped GEMMs, as one batch of equal groups over all rows that there may be.
  GemmCounts grouped;
};

inline double flops_of(const GemmCounts& counts) {
  double flops = 0;
  for (const auto& [shape, times] : counts) flops += shape.flops() * static_cast<double>(times);
  return flops;
}

// Throws InternalError unless the tensors match.
GemmShape gemm_shape(Tensor c, Tensor a, Tensor b, const GemmOptions& options);

}  // namespace sy
