// Cross-entropy over the vocabulary with its gradient in the same pass; probabilities are not
// stored.
#pragma once

#include "lib/base/token_ids.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// loss [rows] (overwritten) = logsumexp(logits[r]) - logits[r, target] in nats, 0 where the target
// is pad. logits [rows, vocab] are overwritten with scale * (softmax - onehot), 0 for pad rows,
// when with_gradient; otherwise left as they are. targets int32 [rows]; throws InternalError for
// one outside [0, vocab).
void cross_entropy(Exec& exec, Tensor loss, Tensor logits, Tensor targets, double scale,
                   bool with_gradient);

template <Backend, class T>
struct CrossEntropyImpl {
  static void run(Exec& exec, Tensor loss, Tensor logits, Tensor targets, double scale,
                  bool with_gradient);
};

}  // namespace sy
