// SPDX-License-Identifier: Apache-2.0
// What the tests of the router share.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/router/router.h"
#include "tests/kernels/op_test.h"

namespace sy::test {

// A router's inputs and all its outputs.
struct Run {
  Owned logits, valid, probs, gate, log_sum, expert, fraction, mean_prob, losses;

  Run(Owned from, Owned which, int64_t groups)
      : logits(from),
        valid(which),
        probs(dtype(), shape()),
        gate(dtype(), {shape()[0], 1}),
        log_sum(dtype(), {shape()[0]}),
        expert(DType::i32, {shape()[0], 1}),
        fraction(dtype(), {groups, shape()[1]}),
        mean_prob(dtype(), {groups, shape()[1]}),
        losses(dtype(), {2}) {}
  DType dtype() { return logits.tensor().dtype(); }
  Shape shape() { return logits.tensor().shape(); }
  void forward(Exec& exec) {
    router_forward(exec, probs, gate, log_sum, expert, fraction, mean_prob, losses, logits, valid);
  }
  double balance() { return at(losses, 0); }
  double z() { return at(losses, 1); }
};

inline Owned all_valid(int64_t tokens) {
  return int_tensor({tokens}, std::vector<int32_t>(static_cast<size_t>(tokens), 1));
}

// The logarithms of `probs`: their softmax is `probs` where a row adds up to 1.
inline Owned logits_of(Shape shape, std::vector<double> probs) {
  for (double& p : probs) p = std::log(p);
  return tensor_of(DType::f64, shape, probs);
}

}  // namespace sy::test
