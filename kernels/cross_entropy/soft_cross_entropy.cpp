// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/soft_cross_entropy.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor logits, Tensor teacher, double temperature) {
  SY_CHECK(
      logits.shape() == teacher.shape() && logits.dtype() == teacher.dtype() && temperature > 0,
      "soft_cross_entropy: logits {} {}, teacher {} {}, temperature {}", name_of(logits.dtype()),
      logits.shape().str(), name_of(teacher.dtype()), teacher.shape().str(), temperature);
}

}  // namespace

void soft_cross_entropy_shard(Exec& exec, Tensor numbers, Tensor logits, Tensor teacher,
                              double temperature) {
  check(logits, teacher, temperature);
  SY_CHECK(numbers.numel() == logits.rows() * kSoftNumbers && numbers.dtype() == DType::f64,
           "soft_cross_entropy_shard: numbers {}, logits {}", numbers.shape().str(),
           logits.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  dispatch(exec, logits.dtype(), "soft_cross_entropy_shard", [&]<Backend B, class T>() {
    SoftCrossEntropyImpl<B, T>::numbers(exec, numbers, logits, teacher, temperature);
  });
}

void soft_cross_entropy_join(Exec& exec, Tensor loss, Tensor teacher, Tensor logits, Tensor targets,
                             Tensor gathered, const SoftScale& scale) {
  check(logits, teacher, scale.temperature);
  SY_CHECK(loss.numel() == logits.rows() && targets.numel() == logits.rows() &&
               gathered.rank() == 3 && gathered.dim(0) > 0 && gathered.dim(1) == logits.rows() &&
               gathered.dim(2) == kSoftNumbers,
           "soft_cross_entropy_join: loss {}, logits {}, {} targets, gathered {}",
           loss.shape().str(), logits.shape().str(), targets.numel(), gathered.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  dispatch(exec, logits.dtype(), "soft_cross_entropy_join", [&]<Backend B, class T>() {
    SoftCrossEntropyImpl<B, T>::join(exec, loss, teacher, logits, targets, gathered, scale);
  });
}

}  // namespace sy
