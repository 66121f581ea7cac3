// SPDX-License-Identifier: Apache-2.0
// A row's sums over the whole vocabulary from those of its shards, for soft targets; shared by both
// backends.
#pragma once

#include <cmath>

#include "kernels/cross_entropy/soft_cross_entropy.h"
#include "lib/base/host_device.h"

namespace sy {

// The largest logit of a row, and the sum of e^((logit - largest) / T).
struct SoftmaxRow {
  double largest, sum;
};

struct SoftRow {
  SoftmaxRow student, teacher;
  double dot;  // the sum of e^((t - largest t) / T) * (z - largest z) / T

  SY_HOST_DEVICE double loss() const { return std::log(student.sum) - dot / teacher.sum; }
  // The factors of both exponentials in the gradient.
  SY_HOST_DEVICE double student_factor(const SoftScale& scale) const {
    const double gradient = scale.gradient * scale.temperature;
    const double top = student.largest / scale.temperature;
    return softmax_scale(gradient, scale.z, student.sum, top) / student.sum;
  }
  SY_HOST_DEVICE double teacher_factor(const SoftScale& scale) const {
    return scale.gradient * scale.temperature / teacher.sum;
  }
};

// gathered is [shards, rows, kSoftNumbers].
SY_HOST_DEVICE inline SoftRow soft_row(const double* gathered, int64_t shards, int64_t rows,
                                       int64_t row, double temperature) {
  const auto of_shard = [&](int64_t s) { return gathered + (s * rows + row) * kSoftNumbers; };
  SoftRow joined{{of_shard(0)[0], 0}, {of_shard(0)[2], 0}, 0};
  for (int64_t s = 1; s < shards; ++s) {
    if (of_shard(s)[0] > joined.student.largest) joined.student.largest = of_shard(s)[0];
    if (of_shard(s)[2] > joined.teacher.largest) joined.teacher.largest = of_shard(s)[2];
  }
  for (int64_t s = 0; s < shards; ++s) {
    const double* of = of_shard(s);
    const double below = (of[0] - joined.student.largest) / temperature;
    const double weight = std::exp((of[2] - joined.teacher.largest) / temperature);
    joined.student.sum += of[1] * std::exp(below);
    joined.teacher.sum += of[3] * weight;
    joined.dot += weight * (of[4] + of[3] * below);
  }
  return joined;
}

}  // namespace sy
