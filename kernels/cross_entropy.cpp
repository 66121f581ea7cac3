#include "kernels/cross_entropy.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void cross_entropy(Exec& exec, Tensor loss, Tensor logits, Tensor targets, double scale,
                   bool with_gradient) {
  SY_CHECK(loss.numel() == logits.rows() && targets.numel() == logits.rows(),
           "cross_entropy: loss {}, logits {}, {} targets", loss.shape().str(),
           logits.shape().str(), targets.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::loss);
  dispatch(exec, logits.dtype(), "cross_entropy", [&]<Backend B, class T>() {
    CrossEntropyImpl<B, T>::run(exec, loss, logits, targets, scale, with_gradient);
  });
}

}  // namespace sy
