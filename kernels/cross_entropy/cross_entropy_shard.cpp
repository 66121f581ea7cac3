// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/cross_entropy_shard.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor logits, Tensor targets, const VocabularyShard& shard) {
  SY_CHECK(targets.numel() == logits.rows() && shard.first >= 0 &&
               shard.first + logits.cols() <= shard.ids(logits.cols()),
           "cross_entropy_shard: logits {}, {} targets, ids {} to {} of {}", logits.shape().str(),
           targets.numel(), shard.first, shard.first + logits.cols(), shard.whole);
}

void check_targets(Tensor targets, int64_t vocab) {
  const int32_t* p = targets.data<int32_t>();
  for (int64_t r = 0; r < targets.numel(); ++r) {
    SY_CHECK(p[r] >= 0 && p[r] < vocab,
             "cross_entropy_shard: target {} in row {} of a vocabulary of {}", p[r], r, vocab);
  }
}

}  // namespace

void cross_entropy_shard(Exec& exec, Tensor numbers, Tensor logits, Tensor targets,
                         const VocabularyShard& shard) {
  check(logits, targets, shard);
  SY_CHECK(numbers.numel() == logits.rows() * kShardNumbers && numbers.dtype() == DType::f64,
           "cross_entropy_shard: numbers {}, logits {}", numbers.shape().str(),
           logits.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  if (exec.backend == Backend::cpu) check_targets(targets, shard.ids(logits.cols()));
  dispatch(exec, logits.dtype(), "cross_entropy_shard", [&]<Backend B, class T>() {
    CrossEntropyShardImpl<B, T>::numbers(exec, numbers, logits, targets, shard);
  });
}

void cross_entropy_join(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                        Tensor gathered, const VocabularyShard& shard, double scale,
                        const LogitZLoss& z) {
  check(logits, targets, shard);
  SY_CHECK(loss.numel() == logits.rows() && gathered.rank() == 3 && gathered.dim(0) > 0 &&
               gathered.dim(1) == logits.rows() && gathered.dim(2) == kShardNumbers &&
               (d_logits.empty() || d_logits.shape() == logits.shape()) &&
               (z.squares.empty() || z.squares.numel() == logits.rows()),
           "cross_entropy_join: loss {}, d_logits {}, logits {}, gathered {}, {} squares",
           loss.shape().str(), d_logits.shape().str(), logits.shape().str(), gathered.shape().str(),
           z.squares.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  const DType dtype = d_logits.empty() ? logits.dtype() : d_logits.dtype();
  dispatch_activations(exec, dtype, "cross_entropy_join", [&]<Backend B, class T>() {
    CrossEntropyShardImpl<B, T>::join(exec, loss, d_logits, logits, targets, gathered, shard, scale,
                                      z);
  });
}

}  // namespace sy
