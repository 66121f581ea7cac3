// SPDX-License-Identifier: Apache-2.0
// Cross-entropy over the vocabulary, with its gradient in the same pass. Probabilities are not
// stored.
#pragma once

#include "kernels/cross_entropy/logit_z_loss.h"
#include "lib/base/token_ids.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// loss [rows] (overwritten) = logsumexp(logits[r]) - logits[r, target] in nats, 0 where the target
// is padding. d_logits [rows, vocab] is overwritten with scale * (softmax - onehot), 0 in padding
// rows. An empty d_logits means no gradient; logits [rows, vocab] are then left unchanged.
// Otherwise logits are clobbered: d_logits may be logits itself, or a bfloat16 tensor beside
// float32 logits. targets int32 [rows]. For a target outside [0, vocab) the CPU throws
// InternalError; CUDA does not check targets beforehand and makes the row's loss and gradient NaN.
// With a z-loss, d_logits is the gradient of scale * (loss + coefficient * (log Z)^2); loss itself
// stays the cross-entropy.
void cross_entropy(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   double scale, const LogitZLoss& z = {});

// T is d_logits' element type; logits and loss are Compute<T>.
template <Backend, class T>
struct CrossEntropyImpl {
  static void run(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                  double scale, const LogitZLoss& z);
};

}  // namespace sy
