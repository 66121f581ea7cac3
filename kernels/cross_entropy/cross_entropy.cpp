// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/cross_entropy.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

// A target outside the vocabulary would read out of bounds.
void check_targets(Tensor targets, int64_t vocab) {
  const int32_t* p = targets.data<int32_t>();
  for (int64_t r = 0; r < targets.numel(); ++r) {
    SY_CHECK(p[r] >= 0 && p[r] < vocab, "cross_entropy: target {} in row {} of a vocabulary of {}",
             p[r], r, vocab);
  }
}

}  // namespace

void cross_entropy(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   double scale, const LogitZLoss& z) {
  SY_CHECK(loss.numel() == logits.rows() && targets.numel() == logits.rows() &&
               (d_logits.empty() || d_logits.shape() == logits.shape()) &&
               (z.squares.empty() || z.squares.numel() == logits.rows()),
           "cross_entropy: loss {}, d_logits {}, logits {}, {} targets, {} squares",
           loss.shape().str(), d_logits.shape().str(), logits.shape().str(), targets.numel(),
           z.squares.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  if (exec.backend == Backend::cpu) check_targets(targets, logits.cols());
  const DType dtype = d_logits.empty() ? logits.dtype() : d_logits.dtype();
  dispatch_activations(exec, dtype, "cross_entropy", [&]<Backend B, class T>() {
    CrossEntropyImpl<B, T>::run(exec, loss, d_logits, logits, targets, scale, z);
  });
}

}  // namespace sy
