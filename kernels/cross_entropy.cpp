#include "kernels/cross_entropy.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

// A target from outside would read foreign memory.
void check_targets(Tensor targets, int64_t vocab) {
  const int32_t* p = targets.data<int32_t>();
  for (int64_t r = 0; r < targets.numel(); ++r) {
    SY_CHECK(p[r] >= 0 && p[r] < vocab, "cross_entropy: target {} in row {} of a vocabulary of {}",
             p[r], r, vocab);
  }
}

}  // namespace

void cross_entropy(Exec& exec, Tensor loss, Tensor logits, Tensor targets, double scale,
                   bool with_gradient) {
  SY_CHECK(loss.numel() == logits.rows() && targets.numel() == logits.rows(),
           "cross_entropy: loss {}, logits {}, {} targets", loss.shape().str(),
           logits.shape().str(), targets.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  if (exec.backend == Backend::cpu) check_targets(targets, logits.cols());
  dispatch(exec, logits.dtype(), "cross_entropy", [&]<Backend B, class T>() {
    CrossEntropyImpl<B, T>::run(exec, loss, logits, targets, scale, with_gradient);
  });
}

}  // namespace sy
