// Cross-entropy over the vocabulary with its gradient in the same pass; probabilities are not
// stored.
#pragma once

#include "lib/base/token_ids.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// loss [rows] (overwritten) = logsumexp(logits[r]) - logits[r, target] in nats, 0 where the target
// is pad. d_logits [rows, vocab] is overwritten with scale * (softmax - onehot), 0 for pad rows;
// empty: no gradient, and logits [rows, vocab] are left as they are. With it, logits are changed:
// d_logits may be logits, or a bfloat16 tensor beside float32 logits. targets int32 [rows]; for one
// outside [0, vocab) the CPU throws InternalError; on CUDA, where targets are not looked at
// beforehand, the row's loss and gradient become NaN.
void cross_entropy(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   double scale);

// T is d_logits' element; logits and loss are Compute<T>.
template <Backend, class T>
struct CrossEntropyImpl {
  static void run(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                  double scale);
};

}  // namespace sy
