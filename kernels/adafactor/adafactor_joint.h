// SPDX-License-Identifier: Apache-2.0
// Makes sums of adafactor_shard.h, one for each expert's matrix, those of all experts together, so
// that an update is clipped and scaled by root mean squares of the whole tensor [experts, n, m], as
// in Mesh TensorFlow. A rank has some of the experts; between the two phases the caller sums over
// the ranks that have the others:
//   adafactor_joint_gather -> all-reduce gathered -> adafactor_joint_mean
#pragma once

#include <span>

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Which numbers of one tensor are this rank's: those at start + i stride, i < count, of matrices
// first + i of `all`. A rank may have none; its lists are as long as everybody's.
struct AdafactorJoint {
  int64_t start = 0, stride = 1;
  int64_t count = 0, first = 0, all = 0;
};

// Float64 numbers that the items gather.
int64_t adafactor_joint_count(std::span<const AdafactorJoint> items);

// Overwrites gathered [adafactor_joint_count]: this rank's `numbers` at their places, 0 elsewhere.
// Both float64. One rank at most has each place, so a sum over ranks is exact.
void adafactor_joint_gather(Exec& exec, std::span<const AdafactorJoint> items, Tensor numbers,
                            Tensor gathered);

// Overwrites this rank's `numbers` of each item with the mean over all its matrices, which are
// added in their order: the same bits however they are spread.
void adafactor_joint_mean(Exec& exec, std::span<const AdafactorJoint> items, Tensor gathered,
                          Tensor numbers);

constexpr size_t kAdafactorJoints = 64;  // maximum per wave: a CUDA kernel takes them as arguments

template <Backend, class T>
struct AdafactorJointImpl {
  // One wave; `gathered` is that of its items.
  static void gather(Exec& exec, std::span<const AdafactorJoint> wave, Tensor numbers,
                     Tensor gathered);
  static void mean(Exec& exec, std::span<const AdafactorJoint> wave, Tensor gathered,
                   Tensor numbers);
};

}  // namespace sy
